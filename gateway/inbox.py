"""Inbox: what backends' callbacks say, taken at once and worked off behind.

A callback is a hint. Taking it makes what is cached count as unknown, so that nobody is answered from before it; then
the task is read and, where it is news, told. Nothing is lost with this process but time: the change itself stands in
the backend, and whoever watches the task asks for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

import structlog
from cachetools import LRUCache

from gateway.backends.base import Hint, Outcome
from gateway.repository import Read
from schema.errors import GatewayError
from schema.references import Reference, Selector
from schema.task import Task

_log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
_WORKERS = 16
_REMEMBERED = 100_000

# Seconds before a task is read again that could not be read, or that the backend still shows as it was before.
_PATIENCE_S = (0.2, 1.0, 5.0, 15.0)
_REMIND_S = 0.1


class Taken(Enum):
    """What became of a hint."""

    NEW = auto()
    REPEATED = auto()
    FULL = auto()


@dataclass(frozen=True)
class _Again:
    """What is to be read again: after how many tries, when, and until it is as new as that."""

    tries: int
    due_at: float
    updated_at: datetime | None


class Tasks(Protocol):
    """What of the repository is needed here."""

    def forget(self, selector: Selector) -> None: ...

    async def get_many(self, reads: Sequence[Read], *, no_cache: bool = False) -> list[Outcome]: ...


class Inbox:
    """At most one read of a task waits, and at most `MOST_WAITING` altogether.

    `news` is told of every task that was read. `clock` counts the seconds that `sleep` waits; `count` hears of
    callbacks that led to nothing.
    """

    def __init__(
        self,
        tasks: Tasks,
        news: Callable[[Task], Awaitable[None]],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        count: Callable[[str], None],
    ) -> None:
        self._tasks = tasks
        self._news = news
        self._clock = clock
        self._sleep = sleep
        self._count = count
        self._waiting: dict[Reference, datetime | None] = {}
        self._again: dict[Reference, _Again] = {}
        self._delayed = asyncio.Event()
        self._handled: LRUCache[Reference, datetime] = LRUCache(_REMEMBERED)
        self._ready = asyncio.Event()

    def take(self, hint: Hint) -> Taken:
        """Sees to it that the task is read, unless the state that the hint speaks of was read already."""
        if self._is_handled(hint):
            return Taken.REPEATED
        if hint.reference in self._waiting:
            self._waiting[hint.reference] = _latest(self._waiting[hint.reference], hint.updated_at)
            return Taken.REPEATED
        if len(self._waiting) + len(self._again) >= MOST_WAITING:
            return Taken.FULL
        self._tasks.forget(hint.reference)
        self._waiting[hint.reference] = hint.updated_at
        self._ready.set()
        return Taken.NEW

    async def run(self) -> None:
        """Works off what was taken until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._remind())
            for _ in range(_WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._ready.clear()
                await self._ready.wait()
            reference = next(iter(self._waiting))
            hint = Hint(reference, self._waiting.pop(reference))
            try:
                await self._follow(hint)
            except Exception:  # noqa: BLE001  a bug here must not stop the callbacks of all other tasks
                _log.exception("following a callback failed unexpectedly")

    async def _follow(self, hint: Hint) -> None:
        """Reads once. A backend that fails, or does not show yet what the hint speaks of, is asked again later."""
        again = self._again.pop(hint.reference, None)
        (outcome,) = await self._tasks.get_many([Read(hint.reference)], no_cache=True)
        if isinstance(outcome, Task):
            await self._news(outcome)
        if self._is_settled(hint, outcome) or hint.reference in self._waiting:
            return
        tries = 0 if again is None else again.tries
        if tries == len(_PATIENCE_S):
            self._count("unsettled")
            return
        self._again[hint.reference] = _Again(tries + 1, self._clock() + _PATIENCE_S[tries], hint.updated_at)
        self._delayed.set()

    async def _remind(self) -> None:
        """Puts back what is to be read again, when its time has come."""
        while True:
            await self._delayed.wait()
            await self._sleep(_REMIND_S)
            now = self._clock()
            for reference, again in self._again.items():
                if again.due_at <= now and reference not in self._waiting:
                    self._tasks.forget(reference)
                    self._waiting[reference] = again.updated_at
                    self._ready.set()
            if not self._again.keys() - self._waiting.keys():
                self._delayed.clear()

    def _is_settled(self, hint: Hint, outcome: Outcome) -> bool:
        if outcome is None:
            self._count("unknown")
            _log.info("a callback for a task that its backend does not know", backend=hint.reference.backend.name)
            return True
        if isinstance(outcome, GatewayError):
            return not outcome.retryable
        if hint.updated_at is None or outcome.updated_at is None:
            return True
        if outcome.updated_at < hint.updated_at:
            return False
        self._handled[hint.reference] = outcome.updated_at
        return True

    def _is_handled(self, hint: Hint) -> bool:
        handled = self._handled.get(hint.reference)
        return handled is not None and hint.updated_at is not None and hint.updated_at <= handled


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
