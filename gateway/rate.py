"""How often one caller may ask."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from math import ceil
from typing import Any, Protocol

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool

from gateway.refusals import refusal

_log = structlog.get_logger(__name__)

# A Redis that hangs must not hold every request up.
_TIMEOUT_S = 0.2


class RateLimit(Protocol):
    """Counts requests by caller."""

    async def admit(self, caller: str) -> None:
        """Raises a Refusal RATE_LIMITED with Retry-After when the caller asks too often."""


class CallerRate:
    """A sliding window for each caller, in this process or shared through Redis.

    Redis that fails lets everyone in: a limit that is lost for a while is better than a gateway that is.
    """

    def __init__(self, rate: str, cache_url: str, clock: Callable[[], float] = time.time) -> None:
        self._rate: RateLimitItem = parse(rate)
        in_memory = cache_url.startswith("memory:")
        self._pool = None if in_memory else ConnectionPool.from_url(cache_url)
        self._limiter = SlidingWindowCounterRateLimiter(_storage(cache_url, self._pool))
        self._clock = clock

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.disconnect()

    async def admit(self, caller: str) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if await self._limiter.hit(self._rate, caller):
                    return
                window = await self._limiter.get_window_stats(self._rate, caller)
        except Exception as error:  # noqa: BLE001 - each Redis client raises its own
            _log.warning("rate limit not counted", reason=type(error).__name__)
            return
        wait_s = max(1, ceil(window.reset_time - self._clock()))
        raise refusal(
            "RATE_LIMITED",
            "too many requests from this caller",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            headers={"Retry-After": str(wait_s)},
            retryAfterSeconds=wait_s,
        )


def _storage(cache_url: str, pool: ConnectionPool | None) -> Storage:
    if pool is None:
        return MemoryStorage()
    # The library's annotation of its options leaves out the pool that it takes.
    options: dict[str, Any] = {"connection_pool": pool}
    return RedisStorage(f"async+{cache_url}", implementation="redispy", wrap_exceptions=False, **options)
