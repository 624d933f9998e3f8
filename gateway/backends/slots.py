"""Slots: how many may do something at once. A slot that is free is taken without waiting, and without a coroutine."""

import asyncio
from collections import deque


class Slots:
    """At most `most` are held at a time. Whoever has to wait is served in turn."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._line: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Takes a slot, where one is free; False where `wait` has to be awaited for it."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Returns with a slot taken. Cancelled, it holds none."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        is_served = False
        try:
            await turn
            is_served = True
        finally:
            if not is_served:
                self._leave(turn)

    def _leave(self, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self.give_back()  # it was handed over just now
        else:
            turn.cancel()  # the line passes over it

    def give_back(self) -> None:
        """Hands the slot to whoever waits longest, or frees it."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():  # else whoever waited has gone away
                turn.set_result(None)
                return
        self._free += 1
