"""Deadlines: when the running calls must have ended, and the block that ends with them. Deadlines nest."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar, Token
from types import TracebackType

# When the innermost deadline around the running call ends, on the event loop's clock.
ENDS_AT: ContextVar[float | None] = ContextVar("ends_at", default=None)


def time_left_s() -> float:
    """Seconds until the innermost deadline, endless where there is none."""
    ends_at = ENDS_AT.get()
    return float("inf") if ends_at is None else ends_at - asyncio.get_running_loop().time()


class Deadline(AbstractAsyncContextManager[None]):
    """What happens inside ends when `end_of` says, asked on entering with the event loop's time; it may raise.

    Inside another deadline the earlier one holds. Raises what `too_late` gives. As a generator it would cost twice.
    """

    def __init__(self, end_of: Callable[[float], float], too_late: Callable[[], Exception]) -> None:
        self._end_of = end_of
        self._too_late = too_late
        self._timeout: asyncio.Timeout | None = None
        self._token: Token[float | None] | None = None

    async def __aenter__(self) -> None:
        outer = ENDS_AT.get()
        end = self._end_of(asyncio.get_running_loop().time())
        if outer is not None and outer <= end:
            return
        self._timeout = asyncio.timeout_at(end)
        await self._timeout.__aenter__()
        self._token = ENDS_AT.set(end)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timeout is None or self._token is None:
            return
        ENDS_AT.reset(self._token)
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as exc:
            raise self._too_late() from exc
