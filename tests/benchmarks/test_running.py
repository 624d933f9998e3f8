"""The short forms of the load and chaos scenarios: what must hold in minutes must hold in seconds."""

import asyncio

import pytest

from benchmarks.running.chaos import chaos
from benchmarks.running.rolling import rolling_restart
from benchmarks.running.scenarios import brownout, overload, redis_loss, soak, steady
from benchmarks.running.tables import Finding

# Processes start slowly where many others run.
pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]


def check(finding: Finding) -> None:
    assert finding.broken == [], finding.markdown()


def test_steady_load() -> None:
    """At half of what it can do every operation is answered."""
    check(asyncio.run(steady(2)))


def test_overload_is_shed() -> None:
    """At five times what it can do nothing fails: it is answered, or told at once to come again."""
    finding = asyncio.run(overload(6))

    # How long answers take is measured in the long form: seconds on a shared machine say little.
    assert not [sentence for sentence in finding.broken if "neither" in sentence or "nothing was shed" in sentence]


def test_brownout() -> None:
    """A vendor that fails half of the time costs no answer, and none longer than the vendor may take."""
    check(asyncio.run(brownout(9)))


@pytest.mark.redis
def test_redis_loss() -> None:
    """A shared cache that is gone costs no answer."""
    check(asyncio.run(redis_loss(6)))


@pytest.mark.redis
def test_rolling_restart() -> None:
    """Two replicas are replaced under load: no operation fails, and no subscriber misses a change."""
    check(asyncio.run(rolling_restart(5)))


@pytest.mark.redis
def test_chaos() -> None:
    """Every answer is a state that the task had within its freshness, or marked stale, whatever goes wrong."""
    check(asyncio.run(chaos(8)))


def test_soak() -> None:
    """Memory, descriptors and operations in flight stay."""
    check(asyncio.run(soak(5)))
