"""Joining: identical operations at the same time wait for the answer that one of them leaves behind.

The first is executed, as it cannot be told from one that nobody asks for again; so is the second, whose answer is kept.
The others are given that, as anyone would be who asks then. Where none was kept, because something failed, is stale or
was written meanwhile, each is executed after all.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from gateway.execution.responses import Scopes, Shelf

# Nobody waits longer than this for another's execution: then the loaders join what both read, as they do anyway.
_PATIENCE_S = 0.25

_Key: TypeAlias = tuple[int, Scopes]


class Joining:
    """The operations under way whose answers may be kept."""

    def __init__(self) -> None:
        self._under_way: dict[_Key, _Execution] = {}

    @contextmanager
    def executing(self, shelf: Shelf, scopes: Scopes, deadline: float | None) -> Iterator[None]:
        """Around the execution of one operation, which ends by `deadline` on the event loop's clock."""
        key = id(shelf), scopes  # held by whoever is executed, so that its identity stays its own
        if key in self._under_way:
            yield
            return
        execution = self._under_way[key] = _Execution(deadline)
        try:
            yield
        finally:
            del self._under_way[key]
            execution.release()

    async def wait(self, shelf: Shelf, scopes: Scopes, deadline: float | None) -> bool:
        """Whether an identical operation was under way and is waited for no more: look what it has left behind.

        Nobody waits for one that may end after their own `deadline`.
        """
        execution = self._under_way.get((id(shelf), scopes))
        if execution is None or not execution.ends_by(deadline):
            return False
        return await execution.wait()


class _Execution:
    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + _PATIENCE_S
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def ends_by(self, deadline: float | None) -> bool:
        return deadline is None or (self._deadline is not None and self._deadline <= deadline)

    async def wait(self) -> bool:
        if self._loop.time() >= self._until:
            return False
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._wake)
        # One each: whoever goes away takes nobody along.
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(turn)
        await turn
        return True

    def release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._wake()

    def _wake(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
        self._waiting.clear()
