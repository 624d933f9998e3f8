"""Asking a server that may fail: bounded, counted, seldom logged, and left alone for a while."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from gateway.fail_open import FailOpen, RedisFailures
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


class _Asked:
    """Answers 7, or raises what it is given; counts how often it was asked."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.count = 0

    async def __call__(self) -> int:
        self.count += 1
        if self.error is not None:
            raise self.error
        return 7


async def test_left_alone_after_a_failure() -> None:
    """What fails is not asked for a second; then it is, and what it answers counts again."""
    clock, asked = FakeClock(), _Asked()
    fail_open = FailOpen(RedisFailures("seven"), clock)
    asked.error = RedisConnectionError("redis://user:password@host")
    failed = [await fail_open.ask(asked, 0) for _ in range(5)]
    asked_meanwhile = asked.count
    asked.error = None
    clock.seconds += 1
    back = await fail_open.ask(asked, 0)

    assert (failed, asked_meanwhile, back) == ([0] * 5, 1, 7)


async def test_counted_and_seldom_logged() -> None:
    """Every failure is counted by its kind; one line a minute is logged, without the address."""
    clock, asked = FakeClock(), _Asked()
    kinds: list[str] = []
    fail_open = FailOpen(RedisFailures("seven", kinds.append, clock), clock)
    with capture_logs() as lines:
        for error in (RedisConnectionError("secret"), TimeoutError(), ValueError("secret"), OSError()):
            asked.error = error
            await fail_open.ask(asked, 0)
            clock.seconds += 15
        await fail_open.ask(asked, 0)

    assert kinds == ["connection", "timeout", "other", "connection", "connection"]
    assert [line["left_out"] for line in lines] == ["seven", "seven"]
    assert "secret" not in str(lines)


async def test_a_caller_that_leaves() -> None:
    """Cancellation passes through, and is no failure."""
    kinds: list[str] = []
    fail_open = FailOpen(RedisFailures("seven", kinds.append))
    asking = asyncio.ensure_future(fail_open.ask(asyncio.Event().wait, False))
    await asyncio.sleep(0)
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert kinds == []
