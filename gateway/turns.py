"""Turns: work that comes in bursts, spread so that everything else goes on between two pieces of it."""

import asyncio
from collections import deque


class Turns:
    """Lets one go on in each round of the event loop, in the order of asking. Belongs to one event loop.

    The event loop runs all that is ready before it looks at a socket again: a thousand subscriptions that begin, or
    are told something, at once would hold up everybody else for as long as they take together.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    async def take(self) -> None:
        """Returns at once where nobody has gone on in this round, else when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._give)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _give(self) -> None:
        """Once a round: lets the next one go on that still waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._give)
                return
        self._is_taken = False
