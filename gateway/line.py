"""Line: requests whose turn comes later, because the event loop must look at its sockets in between."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

# For so long operations may run before the event loop looks what else has come. What it has not looked at nobody can
# count, refuse or call alive.
_STRETCH_S = 0.004
_MOST_AT_ONCE = 64
# While too many come, whoever has waited so long is refused: longer than a short burst takes, and still soon.
_LONGEST_WAIT_S = 0.1
# With nobody refused for so long there are no longer too many.
_CALM_AFTER_S = 1.0
# What arrives while operations run is read from its socket in the next turn of the event loop, and stands in line in
# the turn after that: only then is it known which is the newest.
_TURNS_TO_ARRIVE = 3


@dataclass(eq=False, slots=True)
class _Waiting:
    since: float
    may_go: "asyncio.Future[bool]" = field(repr=False)


class Line:
    """First come, first served, until more come than can be answered: then the newest goes first.

    First come, first served has everyone wait for as long as may be waited at all. Newest first, those who are
    answered have hardly waited, and the others are told soon.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._stretch_began_at: float | None = None
        self._is_crowded = False
        self._refused_at = 0.0
        self._moves_in = 0
        self._moved_at = 0.0
        self._at_once = 1

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_crowded(self) -> bool:
        """Whether there are too many: from `crowd` on until nobody has been refused for a while."""
        if self._is_crowded and not self._waiting and self._clock() - self._refused_at >= _CALM_AFTER_S:
            self._is_crowded = False
        return self._is_crowded

    def crowd(self) -> None:
        """There are too many."""
        self._is_crowded = True
        self._refused_at = self._clock()

    def is_open(self) -> bool:
        """Whether a request may begin without standing in line."""
        if self._waiting or self._is_crowded:
            return False
        now = self._clock()
        if self._stretch_began_at is None:
            self._stretch_began_at = now
            asyncio.get_running_loop().call_soon(self._stretch_ended)
        return now - self._stretch_began_at < _STRETCH_S

    def _stretch_ended(self) -> None:
        self._stretch_began_at = None

    async def turn(self, most: int) -> bool:
        """Waits; True when it is this request's turn, False when it waited too long, or newer ones took its place.

        While there are too many, no more than `most` wait.
        """
        loop = asyncio.get_running_loop()
        mine = _Waiting(self._clock(), loop.create_future())
        self._waiting.append(mine)
        while self._is_crowded and len(self._waiting) > most:
            self._refuse_oldest()
        if not self._moves_in:
            self._moved_at = self._clock()
            self._move_later()
        try:
            return await mine.may_go
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
            raise

    def _move_later(self) -> None:
        self._moves_in = _TURNS_TO_ARRIVE if self._is_crowded else 1
        asyncio.get_running_loop().call_soon(self._turn_passed)

    def _turn_passed(self) -> None:
        self._moves_in -= 1
        if self._moves_in:
            asyncio.get_running_loop().call_soon(self._turn_passed)
        elif self._waiting:
            self._move()
            self._move_later()

    def _move(self) -> None:
        """Lets as many go as are answered in one stretch, judged by how long the last ones took."""
        now = self._clock()
        took_s, self._moved_at = now - self._moved_at, now
        if took_s > _STRETCH_S:
            self._at_once = max(1, self._at_once // 2)
        elif took_s < _STRETCH_S / 2:
            self._at_once = min(_MOST_AT_ONCE, self._at_once * 2)
        while self._is_crowded and self._waiting and now - self._waiting[0].since > _LONGEST_WAIT_S:
            self._refuse_oldest()
        for _ in range(min(self._at_once, len(self._waiting))):
            next_one = self._waiting.pop() if self._is_crowded else self._waiting.popleft()
            if not next_one.may_go.done():  # else it was cancelled just now
                next_one.may_go.set_result(True)

    def _refuse_oldest(self) -> None:
        oldest = self._waiting.popleft()
        self._refused_at = self._clock()
        if not oldest.may_go.done():
            oldest.may_go.set_result(False)
