"""TaskRepository: one face over cache and backends. Each selector is asked for at most once at a time."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias, cast

import structlog

from gateway.backends.base import Outcome, TaskBackend, UniqueIdBackend
from gateway.cache import Entry, TaskCache
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import Reference, ScaleUniqueId, Selector
from schema.task import Task

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Read:
    """What one flight brings: a selector, and whether the answer must hold viewUrl."""

    selector: Selector
    view_url: bool = False


Flight: TypeAlias = "asyncio.Future[Outcome]"


class TaskRepository:
    """Reads through the cache. A caller that goes away never cancels a read that others wait for."""

    def __init__(self, cache: TaskCache, backends: Mapping[Backend, TaskBackend], unique_ids: UniqueIdBackend) -> None:
        self._cache = cache
        self._backends = backends
        self._unique_ids = unique_ids
        self._flights: dict[Read, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def peek(self, selector: Selector) -> Entry | None:
        """What is cached and fresh, without waiting."""
        return self._cache.get(selector)

    @property
    def mark(self) -> int:
        """To be taken before a list is read whose tasks `prime` the cache."""
        return 0

    def prime(self, tasks: Iterable[Task], mark: int) -> None:
        """Keeps whole tasks that a list brought."""
        for task in tasks:
            self._cache.put(task.reference, task)

    async def get_many(self, reads: Sequence[Read]) -> list[Outcome]:
        """One outcome a read, in their order. Expected failures are values."""
        outcomes: dict[Read, Outcome | Flight] = {}
        missing: list[Read] = []
        for read in dict.fromkeys(reads):
            entry = self._cached(read)
            if entry is not None:
                outcomes[read] = entry.task
            elif (flight := self._flights.get(read)) is not None:
                outcomes[read] = flight
            else:
                missing.append(read)
        outcomes.update(self._take_off(missing))
        waiting = [flight for flight in outcomes.values() if isinstance(flight, asyncio.Future)]
        if waiting:
            # wait() leaves the futures alone when the waiter is cancelled; gather() would cancel them.
            await asyncio.wait(waiting)
        landed = {
            read: outcome.result() if isinstance(outcome, asyncio.Future) else outcome
            for read, outcome in outcomes.items()
        }
        return [landed[read] for read in reads]

    async def aclose(self) -> None:
        """No read is left running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cached(self, read: Read) -> Entry | None:
        entry = self._cache.get(read.selector)
        if entry is not None and read.view_url and entry.task is not None and not entry.task.has_view_url:
            return None
        return entry

    def _take_off(self, reads: Sequence[Read]) -> dict[Read, Flight]:
        loop = asyncio.get_running_loop()
        flights = {read: cast(Flight, loop.create_future()) for read in reads}
        self._flights.update(flights)
        for _, group in groupby(sorted(reads, key=_route), key=_route):
            task = loop.create_task(self._fly(list(group)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return flights

    async def _fly(self, reads: Sequence[Read]) -> None:
        """Asks one backend and lands each read's flight, whatever happens."""
        try:
            outcomes = await self._fetch(reads)
            for read, outcome in zip(reads, outcomes, strict=True):
                self._keep(read, outcome)
        except Exception:  # noqa: BLE001  a bug here must not leave the callers of this flight waiting for ever
            _log.exception("reading tasks failed unexpectedly")
            outcomes = [GatewayError(ErrorCode.INTERNAL, "Internal error")] * len(reads)
        except asyncio.CancelledError:
            outcomes = [GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "the gateway is stopping")] * len(reads)
            raise
        finally:
            for read, outcome in zip(reads, outcomes, strict=True):
                self._flights.pop(read).set_result(outcome)

    def _fetch(self, reads: Sequence[Read]) -> Awaitable[Sequence[Outcome]]:
        first = reads[0]
        if isinstance(first.selector, ScaleUniqueId):
            return self._unique_ids.fetch_by_unique_id([cast(ScaleUniqueId, read.selector).text for read in reads])
        references = [cast(Reference, read.selector) for read in reads]
        return self._backends[first.selector.backend].fetch(references, view_url=first.view_url)

    def _keep(self, read: Read, outcome: Outcome) -> None:
        if not isinstance(outcome, GatewayError):
            self._cache.put(read.selector, outcome)


def _route(read: Read) -> tuple[str, bool, bool]:
    return read.selector.backend.name, isinstance(read.selector, ScaleUniqueId), read.view_url
