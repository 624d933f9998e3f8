"""Exporter: walks a list page by page into a sink. It can be stopped at any moment, and tells where to go on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from schema.connection import ListedPage, Wanted
from schema.context import TaskLister
from schema.errors import BackendFailure, ErrorCode
from schema.filter import TaskCriteria
from schema.paging import MAX_FIRST
from schema.task import Task

# Waits, in seconds, between tries of a page that a backend failed for; behind the last one the export gives up.
_WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)

T = TypeVar("T")


class Watcher(Protocol):
    """Who is told how an export comes along."""

    def written(self, count: int, total: int | None) -> None:
        """So many tasks are written, of so many where that is known."""

    def failed(self, failure: BackendFailure) -> None:
        """A backend could not answer, or left something out. Told once each."""


@dataclass(frozen=True)
class Ending:
    """How an export ended: everything before `cursor` is written, once; None: nothing was, or all is.

    `is_finished`: the list's end was reached. `is_whole`: and nothing was left out.
    """

    cursor: str | None
    count: int
    is_finished: bool = False
    is_whole: bool = False


@dataclass
class Exporter:
    """One export. `write` takes the tasks of a page; `sleep` waits between two tries, in seconds."""

    lister: TaskLister
    criteria: TaskCriteria
    write: Callable[[Sequence[Task]], None]
    watcher: Watcher
    stop: asyncio.Event
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    wants_total: bool = False
    cursor: str | None = None
    count: int = 0
    _told: set[tuple[str, str]] = field(default_factory=set)
    _lacks: bool = False

    async def run(self, after: str | None) -> Ending:
        """Writes what stands behind the cursor `after`, until the list or the patience ends, or `stop` is set.

        Raises GatewayError BAD_USER_INPUT for a cursor of another list, and OSError where nothing can be written.
        """
        self.cursor, total, misses = after, None, 0
        while not self.stop.is_set():
            page = await self._unless_stopped(self._page(self.cursor, wants_total=self.wants_total and not self.count))
            if page is None:
                break
            self.write(page.tasks)
            before, self.cursor = self.cursor, page.cursor_behind(len(page.tasks))
            self.count += len(page.tasks)
            total = page.total if total is None else total
            self.watcher.written(self.count, total)
            failed = self._failed(page.failures)
            if not page.has_next and not failed:
                return Ending(None, self.count, is_finished=True, is_whole=not self._lacks)
            misses = misses + 1 if failed else 0
            if misses > len(_WAITS_S) or not (failed or before != self.cursor):
                break
            if failed:
                await self._unless_stopped(self.sleep(_wait_s(failed, misses)))
        return Ending(self.cursor, self.count)

    def _page(self, after: str | None, *, wants_total: bool) -> Awaitable[ListedPage]:
        return self.lister.page(self.criteria, first=MAX_FIRST, after=after, wanted=Wanted(total=wants_total))

    def _failed(self, failures: Sequence[BackendFailure]) -> list[BackendFailure]:
        """The failures for which the page is to be tried again."""
        for failure in failures:
            told = (failure.backend.name, failure.message)
            if told not in self._told:
                self._told.add(told)
                self.watcher.failed(failure)
            # A record left out is missing for good: its page stands. A backend that has no such filter is no part of
            # the list; one without credentials is, and what it holds nobody knows.
            self._lacks = self._lacks or not (failure.retryable or failure.code is ErrorCode.NOT_SUPPORTED)
        return [failure for failure in failures if failure.retryable]

    async def _unless_stopped(self, awaitable: Awaitable[T]) -> T | None:
        """What comes of it; None where `stop` is set first."""
        working = asyncio.ensure_future(awaitable)
        stopping = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            for task in (working, stopping):
                if not task.done():
                    task.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)


def _wait_s(failed: Sequence[BackendFailure], misses: int) -> float:
    asked_for = max((failure.retry_after_seconds or 0 for failure in failed), default=0)
    return min(max(asked_for, _WAITS_S[misses - 1]), 60.0)
