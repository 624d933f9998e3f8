"""The emulators' time: it follows the wall clock, or a test steps it by hand."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Time for one or more emulators.

    Real (the default): follows the wall clock from `start`, `speed` times as fast. Manual: stands still until
    `advance`, and `sleep` returns once the clock was advanced far enough.
    """

    def __init__(self, *, manual: bool = False, start: datetime | None = None, speed: float = 1.0) -> None:
        self._manual = manual
        self._speed = speed
        self._anchor = datetime.now(UTC)
        self._start = start.astimezone(UTC) if start else self._anchor
        self._advanced = timedelta()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @classmethod
    def manual(cls, start: datetime | None = None) -> "SandboxClock":
        """A clock that only `advance` moves."""
        return cls(manual=True, start=start)

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        passed = timedelta() if self._manual else (datetime.now(UTC) - self._anchor) * self._speed
        return self._start + passed + self._advanced

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock stands `seconds` later than now."""
        if not self._manual or seconds <= 0:
            await asyncio.sleep(max(seconds, 0) / self._speed)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now() + timedelta(seconds=seconds), next(self._order), future))
        await future

    def advance(self, seconds: float) -> None:
        """Moves the clock forward and wakes a manual clock's sleepers; real sleepers sleep on.

        May be called from another thread than the sleepers'.
        """
        self._advanced += timedelta(seconds=seconds)
        now = self.now()
        while self._sleepers and self._sleepers[0][0] <= now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.get_loop().is_closed():
                future.get_loop().call_soon_threadsafe(_wake, future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
