"""How often one caller may ask."""

import time
from collections.abc import Callable
from http import HTTPStatus
from math import ceil
from typing import Protocol

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from gateway.refusals import refusal

_log = structlog.get_logger(__name__)


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
        self._limiter = SlidingWindowCounterRateLimiter(_storage(cache_url))
        self._clock = clock

    async def admit(self, caller: str) -> None:
        try:
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


def _storage(cache_url: str) -> Storage:
    if cache_url.startswith("memory:"):
        return MemoryStorage()
    return RedisStorage(f"async+{cache_url}", implementation="redispy", wrap_exceptions=False)
