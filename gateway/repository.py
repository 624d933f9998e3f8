"""TaskRepository: one face over cache and backends. Each selector is asked for at most once at a time."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

import structlog

from gateway.backends.base import BackendTrouble, Outcome, TaskBackend, UniqueIdBackend
from gateway.begun import begun
from gateway.cache import Age, Entry, TaskCache
from gateway.flights import Flight, Flights, Landing, Read, Writes
from gateway.read_counts import FRESH, MISSING, OLD, STALE, ReadCounts
from gateway.reading import SharedReading
from gateway.sharing import SharedTasks, Stored
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import Reference, ScaleUniqueId, Selector
from schema.task import Task

__all__ = ["Read", "TaskRepository"]

_log = structlog.get_logger(__name__)

# With an older answer in hand nobody waits longer than this for a backend.
_PATIENCE_S = 1.0

_MOST_UNTOLD = 1000

# These are the backend's failures: what is known of its tasks stands. For the others nothing is known to stand.
_FAILED = frozenset(
    {
        ErrorCode.BACKEND_UNAVAILABLE,
        ErrorCode.BACKEND_TIMEOUT,
        ErrorCode.BACKEND_RATE_LIMITED,
        ErrorCode.BACKEND_REFUSED,
        ErrorCode.BACKEND_BAD_RESPONSE,
    }
)


_STATES = {Age.FRESH: FRESH, Age.STALE: STALE, Age.OLD: OLD}


class TaskRepository:
    """Reads through the cache. A caller that goes away never cancels a read that others wait for.

    `on_change` are told of every task that was written, here or in another replica. `now` is the wall clock by which
    backends' clients say when they read a task.
    """

    def __init__(
        self,
        cache: TaskCache,
        backends: Mapping[Backend, TaskBackend],
        unique_ids: UniqueIdBackend,
        *,
        now: Callable[[], datetime],
        trouble: BackendTrouble | None = None,
        shared: SharedTasks | None = None,
    ) -> None:
        self.on_change: list[Callable[[Task], None]] = []
        self.counts = ReadCounts()
        self._cache = cache
        self._backends = backends
        self._unique_ids = unique_ids
        self._clock = cache.now
        self._now = now
        self._trouble = trouble
        self._shared = shared
        self._reading = None if shared is None else SharedReading(shared, self._overtaken)
        self._origin = uuid.uuid4().hex
        self._writes = Writes(cache.now)
        self._flights = Flights()
        self._impatient: dict[Backend, dict[Landing, Callable[[], None]]] = {backend: {} for backend in Backend}
        self._tasks: set[asyncio.Future[None]] = set()
        if trouble is not None:
            trouble.on_failure.append(self._failed)
        # What was written here and could not be told to the other replicas yet.
        self._untold: dict[Reference, Task] = {}
        if shared is not None:
            cache.heard_since(None)

    def peek(self, selector: Selector) -> Entry | None:
        """What is cached and fresh, without waiting."""
        entry = self._cache.get(selector)
        if entry is not None:
            self.counts.found[FRESH] += 1
        return entry

    @property
    def cached(self) -> tuple[int, int]:
        """How many answers are kept here, and the bytes that they take, estimated."""
        return len(self._cache), self._cache.bytes_kept

    def peek_many(self, selectors: Sequence[Selector]) -> list[Entry | None]:
        """`peek` for each, in their order."""
        entries = self._cache.get_many(selectors)
        self.counts.found[FRESH] += len(entries) - entries.count(None)
        return entries

    def kept(self, selectors: Sequence[Selector]) -> list[Entry | None]:
        """What is cached and fresh of what was just read; no read, and not counted as one."""
        return self._cache.get_many(selectors)

    @property
    def mark(self) -> int:
        """To be taken before a list is read whose tasks `prime` the cache."""
        return self._writes.mark

    def prime(self, tasks: Iterable[Task], mark: int) -> None:
        """Keeps whole tasks that a list brought, but for those written since `mark`."""
        now = self._now()
        for task in tasks:
            if not self._writes.overtook(task.reference, mark):
                self._cache.put(task.reference, task, age_s=_age_s(task, now))

    async def get_many(self, reads: Sequence[Read], *, no_cache: bool = False) -> list[Outcome]:
        """One outcome a read, in their order. Expected failures are values.

        What is stale is answered at once while one read refreshes it; what is older is answered where its backend
        fails. With `no_cache` nothing from before is answered; a read of the backend that is under way is joined.
        """
        return await self.begin(reads, no_cache=no_cache)()

    def begin(
        self, reads: Sequence[Read], *, no_cache: bool = False
    ) -> Callable[[], Coroutine[Any, Any, list[Outcome]]]:
        """Begins to read, without waiting; what it returns waits for what `get_many` answers."""
        outcomes: dict[Read, Outcome] = {}
        stale: list[Read] = []
        awaited: dict[Read, Entry | None] = {}
        for read in dict.fromkeys(reads):
            entry, age = (None, None) if no_cache else self._known(read) or (None, None)
            self.counts.found[MISSING if age is None else _STATES[age]] += 1
            if entry is not None and age is Age.FRESH:
                outcomes[read] = entry.task
            elif entry is not None and (age is Age.STALE or self._is_failing(read.selector.backend)):
                outcomes[read] = entry.stale_task
                stale.append(read)
            else:
                awaited[read] = entry
        flights = self._board([*awaited, *stale], no_cache=no_cache)
        landings = {read: self._landing(flights[read], older) for read, older in awaited.items()}
        return partial(self._outcomes, reads, outcomes, landings, no_cache=no_cache)

    async def _outcomes(
        self, reads: Sequence[Read], outcomes: dict[Read, Outcome], landings: Mapping[Read, Landing], *, no_cache: bool
    ) -> list[Outcome]:
        for landing in landings.values():
            if not landing.done():  # those of one batch land together, so that few of them are waited for
                # wait() leaves the future alone when the waiter is cancelled.
                await asyncio.wait((landing,))
        for read, landing in landings.items():
            outcomes[read] = landing.result() if no_cache else self._or_older(read, landing.result())
        return [outcomes[read] for read in reads]

    def written(self, task: Task) -> None:
        """The task as a write left it replaces what is cached in every replica, and all who listen are told.

        A read that began before does not put the older state back.
        """
        self._overtake(task.reference, *_unique_id_of(task))
        self._cache.put(task.reference, task)
        self._tell(task)
        if self._reading is not None:
            self._reading.run_behind(self._share(task))

    def forget(self, selector: Selector) -> None:
        """What is cached of `selector` counts as unknown in every replica, also for reads that began before."""
        self._overtake(selector)
        self._cache.drop(selector)
        if self._reading is not None and self._shared is not None:
            self._reading.run_behind(self._shared.remove(selector, self._origin))

    async def listen(self) -> None:
        """Hears the writes of other replicas until cancelled; returns at once where there are none."""
        if self._shared is not None:
            await self._shared.listen(self._changed_elsewhere, self._linked)

    async def aclose(self) -> None:
        """No read is left running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._reading is not None:
            await self._reading.aclose()

    # What is known

    def _known(self, read: Read) -> tuple[Entry, Age] | None:
        known = self._cache.find(read.selector)
        return None if known is None or not _suffices(read, known[0].task) else known

    def _or_older(self, read: Read, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, GatewayError) or outcome.code not in _FAILED:
            return outcome
        known = self._known(read)
        if known is None:
            return outcome
        entry, age = known
        return entry.task if age is Age.FRESH else entry.stale_task

    def _is_failing(self, backend: Backend) -> bool:
        return self._trouble is not None and self._trouble.is_failing(backend)

    # Reading

    def _board(self, reads: Sequence[Read], *, no_cache: bool) -> dict[Read, Flight]:
        """A flight for each read: one that is under way, or a new one."""
        boarded: dict[Read, Flight] = {}
        departing: dict[tuple[type[Selector], bool], list[Flight]] = {}
        for read in reads:
            flight = self._flights.joinable(read)
            if flight is None or (no_cache and not flight.asks_backend):
                flight = self._flights.take_off(read, self._writes.mark, no_cache or self._reading is None)
                # The class of a selector tells its backend, and whether it is a unique id.
                departing.setdefault((read.selector.__class__, read.view_url), []).append(flight)
            else:
                self.counts.coalesced += 1
            boarded[read] = flight
        for flights in departing.values():
            task = self._taken_off(flights)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return boarded

    def _taken_off(self, flights: Sequence[Flight]) -> "asyncio.Future[None]":
        read = flights[0].read
        is_plain = self._reading is None and not isinstance(read.selector, ScaleUniqueId)
        if is_plain and self._backends[read.selector.backend].fetch_may_be_begun:
            return begun(self._fly(flights))
        return asyncio.get_running_loop().create_task(self._fly(flights))

    def _landing(self, flight: Flight, older: Entry | None) -> Landing:
        """The flight's; with an older answer in hand one that gives that as soon as the backend fails or is slow."""
        if older is None:
            return flight.landing
        loop = asyncio.get_running_loop()
        landing: Landing = loop.create_future()
        give_up = partial(_settle, landing, older.stale_task)
        impatient = self._impatient[flight.read.selector.backend]
        impatient[landing] = give_up
        timer = loop.call_later(_PATIENCE_S, give_up)

        def landed(_: Landing) -> None:
            timer.cancel()
            del impatient[landing]

        flight.landing.add_done_callback(lambda done: _settle(landing, done.result()))
        landing.add_done_callback(landed)
        return landing

    def _failed(self, backend: Backend) -> None:
        for give_up in list(self._impatient[backend].values()):
            give_up()

    async def _fly(self, flights: Sequence[Flight]) -> None:
        """Asks one backend and lands each flight, whatever happens."""
        outcomes: Sequence[Outcome] = []
        began_at = self._clock()
        try:
            answers = await self._answers(flights)
            outcomes = self._landed(flights, answers, self._clock() - began_at)
        except Exception:  # noqa: BLE001  a bug here must not leave the callers of this flight waiting for ever
            _log.exception("reading tasks failed unexpectedly")
            outcomes = [GatewayError(ErrorCode.INTERNAL, "Internal error")] * len(flights)
        except asyncio.CancelledError:
            outcomes = [GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "the gateway is stopping")] * len(flights)
            raise
        finally:
            for flight, outcome in zip(flights, outcomes, strict=True):
                self._flights.land(flight, outcome)

    async def _answers(self, flights: Sequence[Flight]) -> Sequence[Outcome | Stored]:
        read, began_at = flights[0].read, self._clock()
        fetch = partial(self._fetch, read)
        selectors = [flight.read.selector for flight in flights]
        if self._reading is None:
            return await fetch(selectors)

        def accepts(selector: Selector, stored: Stored) -> bool:
            self._learnt(selector, stored, flights[0].mark)
            is_after = self._clock() - began_at if flights[0].asks_backend else self._cache.freshness.of(stored.task)
            return stored.age_s < is_after and _suffices(read, stored.task)

        purpose = ":viewUrl" if read.view_url else ""
        found = await self._reading.read(selectors, fetch, accepts, purpose=purpose)
        return [found[selector] for selector in selectors]

    async def _fetch(self, read: Read, selectors: Sequence[Selector]) -> Sequence[Outcome]:
        if isinstance(read.selector, ScaleUniqueId):
            texts = [cast(ScaleUniqueId, selector).text for selector in selectors]
            return await self._unique_ids.fetch_by_unique_id(texts)
        references = [cast(Reference, selector) for selector in selectors]
        return await self._backends[read.selector.backend].fetch(references, view_url=read.view_url)

    def _landed(
        self, flights: Sequence[Flight], answers: Sequence[Outcome | Stored], took_s: float
    ) -> Sequence[Outcome]:
        now = self._now()
        return [self._kept(flight, answer, now, took_s) for flight, answer in zip(flights, answers, strict=True)]

    def _kept(self, flight: Flight, answer: Outcome | Stored, now: datetime, took_s: float) -> Outcome:
        """Keeps the answer, unless a write has overtaken it: then what was written is the answer.

        Read side by side, the first may have been answered long before the last; of "there is none" nobody says when.
        """
        if isinstance(answer, GatewayError):
            return answer
        task, asked_for = answer.task if isinstance(answer, Stored) else answer, flight.read.selector
        if self._is_overtaken(asked_for, task, flight.mark):
            entry = self._cache.get(asked_for)
            return task if entry is None else entry.task
        if not isinstance(answer, Stored):  # that was learnt when it was found
            self._cache.put(asked_for, task, age_s=took_s if task is None else min(took_s, _age_s(task, now)))
        return task

    def _is_overtaken(self, selector: Selector, task: Task | None, mark: int) -> bool:
        if mark == self._writes.mark:
            return False
        overtook = self._writes.overtook
        return overtook(selector, mark) or (task is not None and overtook(task.reference, mark))

    # Writing

    def _overtake(self, *selectors: Selector) -> None:
        self._writes.note(selectors)
        for selector in selectors:
            self._flights.close_to_newcomers(selector)

    def _tell(self, task: Task) -> None:
        for tell in self.on_change:
            tell(task)

    async def _share(self, task: Task) -> None:
        assert self._shared is not None
        self._untold.pop(task.reference, None)
        if not await self._shared.replace(task, self._origin) and len(self._untold) < _MOST_UNTOLD:
            self._untold.setdefault(task.reference, task)

    # Other replicas

    def _linked(self, is_linked: bool) -> None:
        self._cache.heard_since(self._clock() if is_linked else None)
        if is_linked and self._reading is not None:
            for task in list(self._untold.values()):
                self._reading.run_behind(self._share(task))

    def _changed_elsewhere(self, selector: Selector, origin: str) -> None:
        if origin != self._origin:
            self._overtaken(selector)

    def _overtaken(self, selector: Selector) -> None:
        """Another replica wrote `selector`: what is known of it here is from before."""
        self._overtake(selector)
        self._cache.drop(selector)
        if self._reading is not None and not isinstance(selector, ScaleUniqueId):
            self._reading.run_behind(self._learn(selector, self._writes.mark))

    async def _learn(self, selector: Selector, mark: int) -> None:
        assert self._shared is not None
        stored = (await self._shared.look([selector])).stored.get(selector)
        if stored is not None and stored.task is not None and self._learnt(selector, stored, mark):
            self._tell(stored.task)

    def _learnt(self, selector: Selector, stored: Stored, mark: int) -> bool:
        """Keeps what another replica read, however old, unless more is known here."""
        known = self._cache.find(selector)
        is_news = known is None or known[0].read_at < self._clock() - stored.age_s
        if not is_news or self._is_overtaken(selector, stored.task, mark):
            return False
        self._cache.put(selector, stored.task, age_s=stored.age_s)
        return True


def _settle(landing: Landing, outcome: Outcome) -> None:
    if not landing.done():
        landing.set_result(outcome)


def _age_s(task: Task, now: datetime) -> float:
    return max(0.0, (now - task.fetched_at).total_seconds())


def _suffices(read: Read, task: Task | None) -> bool:
    return not read.view_url or task is None or task.has_view_url


def _unique_id_of(task: Task) -> list[Selector]:
    has_one = task.unique_id is not None and task.reference.backend is Backend.SCALE
    return [ScaleUniqueId(cast(str, task.unique_id))] if has_one else []
