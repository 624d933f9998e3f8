"""How often one caller may ask."""

import time
from collections.abc import Callable
from http import HTTPStatus
from math import ceil
from typing import Any, Protocol

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool

from gateway.fail_open import FailOpen
from gateway.redis_pools import retry
from gateway.refusals import refusal

# Every key of ours begins like this: an account of Redis may be let to these alone.
_KEY_PREFIX = "task-gateway:rate"


class RateLimit(Protocol):
    """Counts requests by caller."""

    async def admit(self, caller: str) -> None:
        """Raises a Refusal RATE_LIMITED with Retry-After when the caller asks too often."""


class CallerRate:
    """A sliding window for each caller, in this process or shared through Redis.

    Redis that fails lets everyone in: a limit that is lost for a while is better than a gateway that is.
    """

    def __init__(self, rate: str, cache_url: str, fail_open: FailOpen, clock: Callable[[], float] = time.time) -> None:
        self._rate: RateLimitItem = parse(rate)
        in_memory = cache_url.startswith("memory:")
        self._pool = None if in_memory else ConnectionPool.from_url(cache_url, retry=retry())
        self._limiter = SlidingWindowCounterRateLimiter(_storage(self._pool))
        self._fail_open = fail_open
        self._clock = clock

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.disconnect()

    async def admit(self, caller: str) -> None:
        free_at = await self._fail_open.ask(lambda: self._free_at(caller), None)
        if free_at is None:
            return
        wait_s = max(1, ceil(free_at - self._clock()))
        raise refusal(
            "RATE_LIMITED",
            "too many requests from this caller",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            headers={"Retry-After": str(wait_s)},
            retryAfterSeconds=wait_s,
        )

    async def _free_at(self, caller: str) -> float | None:
        """Counts the request. None where it may go on, else when, by the wall clock, the next one may."""
        if await self._limiter.hit(self._rate, caller):
            return None
        return (await self._limiter.get_window_stats(self._rate, caller)).reset_time


def _storage(pool: ConnectionPool | None) -> Storage:
    if pool is None:
        return MemoryStorage()
    # The library's annotation of its options leaves out the pool that it takes. What it is told of the address only
    # chooses its client library, and it knows no `unix://`: the pool has the whole one.
    options: dict[str, Any] = {"connection_pool": pool, "key_prefix": _KEY_PREFIX}
    return RedisStorage("async+redis://", implementation="redispy", wrap_exceptions=False, **options)
