"""The emulators' clock."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.sandbox.clock import SandboxClock

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_manual_clock_stands_still_and_wakes_sleepers_in_time() -> None:
    """Sleepers wake when the clock was advanced past their time, the others sleep on."""
    clock = SandboxClock.manual(NOON)
    short, long, gone = (asyncio.create_task(clock.sleep(seconds)) for seconds in (5, 60, 5))
    await asyncio.sleep(0)
    gone.cancel()
    clock.advance(5)
    await asyncio.wait_for(short, 1)

    assert clock.now() == NOON + timedelta(seconds=5)
    assert not long.done()
    clock.advance(55)
    await asyncio.wait_for(long, 1)


async def test_manual_clock_does_not_wait_for_nothing() -> None:
    """Sleeping for no time returns at once."""
    await asyncio.wait_for(SandboxClock.manual(NOON).sleep(0), 1)


async def test_real_clock_runs_at_its_speed_and_jumps() -> None:
    """A fast clock's sleep is short in real time; advance moves it at once."""
    clock = SandboxClock(start=NOON, speed=3600)
    await asyncio.wait_for(clock.sleep(36), 1)
    slept = clock.now()
    clock.advance(86_400)

    assert slept - NOON >= timedelta(seconds=30)
    assert clock.now() - slept >= timedelta(days=1)
    assert clock.now().tzinfo is UTC
