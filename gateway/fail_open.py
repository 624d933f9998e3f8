"""Asking a Redis that the gateway can do without: where it fails, the gateway goes on and leaves it alone a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_ANSWERS_WITHIN_S = 0.2
# Long enough that a server that hangs does not hold every request up, short enough to be back soon after it is.
_LEFT_ALONE_S = 1.0
_LOG_EVERY_S = 60.0


class RedisFailures:
    """Counts what went wrong with Redis, and logs it at most once a minute.

    `what` is what cannot be done meanwhile, for the log. `clock` is a steady one, in seconds; `failed` hears the kind
    of every failure: timeout, connection, other.
    """

    def __init__(
        self,
        what: str,
        failed: Callable[[str], None] = lambda kind: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._failed = failed
        self._clock = clock
        self._logs_again_at = float("-inf")

    def note(self, exc: Exception) -> None:
        """Hears of one failure."""
        self._failed(_kind_of(exc))
        now = self._clock()
        if now >= self._logs_again_at:
            self._logs_again_at = now + _LOG_EVERY_S
            # Not the exception's text: it may quote an address with a password.
            _log.warning("Redis cannot be used", left_out=self._what, kind=type(exc).__name__)


class FailOpen:
    """What `ask` asks may fail in any way: `failures` hears of that, and it is never raised."""

    def __init__(self, failures: RedisFailures, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._clock = clock
        self._asks_again_at = float("-inf")

    async def ask(self, question: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """What `question` comes to within 200 ms, else `otherwise`; for a second after a failure nothing is asked."""
        if self._clock() < self._asks_again_at:
            return otherwise
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                return await question()
        except Exception as exc:  # noqa: BLE001  no kind of failure of it may reach a client
            self._asks_again_at = self._clock() + _LEFT_ALONE_S
            self._failures.note(exc)
            return otherwise


def _kind_of(exc: Exception) -> str:
    """How the failure is counted: timeout, connection, other."""
    if isinstance(exc, TimeoutError | RedisTimeoutError):
        return "timeout"
    return "connection" if isinstance(exc, OSError | RedisConnectionError) else "other"
