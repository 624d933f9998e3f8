"""Watcher: asks backends for tasks that someone listens to, since not every change is called back.

Each watched task is read once when its first listener comes, through the cache like any read. From then on the one
replica that holds its lease asks again and again, at a pace by status and age, in bulk where the backend allows it:
scenes of one annotation request together, tasks of one Scale project by one sweep over what has changed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from gateway.backends.base import ChangeSweep, Outcome
from gateway.cache import Entry
from gateway.events import Broker, is_older
from gateway.pace import SWEEP_FROM, SWEEP_OVERLAP, Pace
from gateway.replicas import Replicas
from gateway.repository import Read
from schema.backend import Backend
from schema.errors import GatewayError
from schema.references import Reference, RosettaTaskReference, ScaleUniqueId, Selector
from schema.task import Task

_log = structlog.get_logger(__name__)

# How many tasks are read together where no bulk read joins them: the last of them keeps the others waiting.
_TOGETHER = 25

# Between two looks at what is due, so that what falls due about the same time is asked for together.
_GRAIN_S = 0.02

# Leases are renewed this often, and what another replica has lost is found as soon.
LEASE_EVERY_S = 5.0


class Tasks(Protocol):
    """What of the repository is needed here."""

    def peek(self, selector: Selector) -> Entry | None: ...

    @property
    def mark(self) -> int: ...

    def prime(self, tasks: Iterable[Task], mark: int) -> None: ...

    async def get_many(self, reads: Sequence[Read], *, no_cache: bool = False) -> list[Outcome]: ...


@dataclass(eq=False)
class _Watch:
    """One watched selector. Times are seconds of the steady clock, but `checked_at`: what is known was true then."""

    selector: Selector
    due_at: float
    changed_at: float
    is_mine: bool = False
    was_others: bool = False
    is_reading: bool = False
    must_read: bool = False
    failures: int = 0
    checked_at: datetime | None = None


class Watcher:
    """Watches what the broker has listeners for. `clock` counts the seconds that `sleep` waits; `chance` is 0 to 1."""

    def __init__(
        self,
        broker: Broker,
        tasks: Tasks,
        pace: Pace,
        replicas: Replicas,
        sweeps: Mapping[Backend, ChangeSweep],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._tasks = tasks
        self._pace = pace
        self._replicas = replicas
        self._sweeps = sweeps
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._watches: dict[Selector, _Watch] = {}
        self._given_up: list[Reference] = []
        self._work_to_do = asyncio.Event()
        self._leases_to_do = asyncio.Event()
        self._reading: set[asyncio.Task[None]] = set()
        broker.on_first = self._begin
        broker.on_last = self._end

    async def run(self) -> None:
        """Watches until cancelled; no read is left running then."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_asking())
                group.create_task(self._keep_leases())
                group.create_task(self._replicas.listen(self._heard, self._linked))
        finally:
            for task in self._reading:
                task.cancel()
            await asyncio.gather(*self._reading, return_exceptions=True)
            await self._replicas.release([*self._mine(), *self._given_up])

    async def news(self, task: Task) -> None:
        """Tells a state that was just read for a reason of its own, here and in the other replicas."""
        if self._tell(task):
            await self._replicas.tell(task)

    def changed(self, task: Task) -> None:
        """Tells a state that the other replicas learn by themselves."""
        self._tell(task)

    def __len__(self) -> int:
        return len(self._watches)

    # Listeners come and go

    def _begin(self, selector: Selector) -> None:
        now = self._clock()
        self._watches[selector] = _Watch(selector, due_at=now, changed_at=now)
        self._work_to_do.set()
        self._leases_to_do.set()

    def _end(self, selector: Selector) -> None:
        watch = self._watches.pop(selector)
        if watch.is_mine and not isinstance(selector, ScaleUniqueId):
            self._given_up.append(selector)
            self._leases_to_do.set()

    # Asking

    async def _keep_asking(self) -> None:
        while True:
            self._work_to_do.clear()
            next_at = self.ask()
            await asyncio.sleep(_GRAIN_S)
            await self._wait(self._work_to_do, next_at - self._clock())

    def ask(self) -> float:
        """Begins to read what is due. Returns when, by the clock, something will be due again at the latest."""
        now = self._clock()
        due = [watch for watch in self._watches.values() if watch.due_at <= now and self._is_to_read(watch)]
        at_once = [watch for watch in due if watch.must_read]
        new = [watch for watch in due if not watch.must_read and self._is_new(watch)]
        for group in _in_groups(at_once):
            self._start(self._read_each(group, no_cache=True), group)
        for group in _in_groups(new):
            self._start(self._read_each(group, no_cache=False), group)
        for group in self._joined([watch for watch in due if not watch.must_read and not self._is_new(watch)]):
            self._start(self._look(group), group)
        waiting = [watch.due_at for watch in self._watches.values() if self._is_to_read(watch)]
        return min(waiting, default=now + self._pace.max_s)

    def _is_new(self, watch: _Watch) -> bool:
        return self._broker.known(watch.selector) is None

    def _is_to_read(self, watch: _Watch) -> bool:
        """By this replica: what is not known here yet, what may have changed unheard, what it holds the lease of."""
        return not watch.is_reading and (watch.is_mine or watch.must_read or self._is_new(watch))

    def _joined(self, due: Sequence[_Watch]) -> list[list[_Watch]]:
        """What is due, and what one question answers along with it although it is due a little later."""
        soon = self._clock() + self._pace.min_s
        groups: dict[tuple[str, str], list[_Watch]] = {key: [] for key in map(self._bulk_key, due) if key is not None}
        for watch in self._watches.values() if groups else ():
            key = self._bulk_key(watch)
            if key in groups and watch.due_at <= soon and self._is_to_read(watch) and not watch.must_read:
                groups[key].append(watch)
        alone = [watch for watch in due if self._bulk_key(watch) is None]
        return [*groups.values(), *_in_groups(alone)]

    def _bulk_key(self, watch: _Watch) -> tuple[str, str] | None:
        """What one question answers for; None for a task that has to be asked for by itself."""
        selector = watch.selector
        if isinstance(selector, RosettaTaskReference):
            return selector.backend.name, selector.annotation_request_id
        known, sweep = self._broker.known(selector), self._sweeps.get(selector.backend)
        group = None if known is None or sweep is None or watch.checked_at is None else sweep.group_of(known)
        return None if group is None else (selector.backend.name, group)

    def _start(self, reading: Coroutine[Any, Any, None], watches: Sequence[_Watch]) -> None:
        for watch in watches:
            watch.is_reading, watch.must_read = True, False
        task = asyncio.get_running_loop().create_task(self._guarded(reading, watches))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _guarded(self, reading: Coroutine[Any, Any, None], watches: Sequence[_Watch]) -> None:
        try:
            await reading
        except Exception:  # noqa: BLE001  a bug here must not end the watch of these tasks, nor of others
            _log.exception("reading watched tasks failed unexpectedly")
            for watch in watches:
                watch.failures += 1
        finally:
            for watch in watches:
                watch.is_reading = False
                if not watch.must_read:
                    watch.due_at = self._next_due(watch)
            self._work_to_do.set()

    async def _look(self, watches: Sequence[_Watch]) -> None:
        """Asks whether the tasks, all known, have changed."""
        await self._read_each(await self._swept(watches), no_cache=True)

    async def _read_each(self, watches: Sequence[_Watch], *, no_cache: bool) -> None:
        if not watches:
            return
        asked_at = self._broker.now()
        outcomes = await self._tasks.get_many([Read(watch.selector) for watch in watches], no_cache=no_cache)
        stale: list[_Watch] = []
        for watch, outcome in zip(watches, outcomes, strict=True):
            if isinstance(outcome, Task):
                # From the cache it is as old as it says; from the backend it holds since before it was asked.
                watch.checked_at = min(asked_at, outcome.fetched_at)
                if outcome.is_stale:
                    stale.append(watch)
            await self._took(watch, outcome)
        if stale and not no_cache:
            await self._read_each(stale, no_cache=True)

    async def _swept(self, watches: Sequence[_Watch]) -> Sequence[_Watch]:
        """Asks for all of them by one sweep where that pays. Returns those that it tells nothing of."""
        sweep = self._sweeps.get(watches[0].selector.backend)
        checked = [watch.checked_at for watch in watches if watch.checked_at is not None]
        key = self._bulk_key(watches[0])
        if sweep is None or key is None or len(watches) < SWEEP_FROM or len(checked) < len(watches):
            return watches
        asked_at, mark = self._broker.now(), self._tasks.mark
        try:
            found = await sweep.changed_since(key[1], min(checked) - SWEEP_OVERLAP, len(watches) - 1)
        except GatewayError as error:
            for watch in watches:
                await self._took(watch, error)
            return ()
        if found is None:
            return watches
        changed = {task.reference: task for task in found}
        self._tasks.prime(found, mark)
        for watch in watches:
            watch.checked_at, watch.failures = asked_at, 0
            if not isinstance(watch.selector, ScaleUniqueId) and watch.selector in changed:
                await self._took(watch, changed[watch.selector])
        return ()

    async def _took(self, watch: _Watch, outcome: Outcome) -> None:
        if isinstance(outcome, Task):
            watch.failures = 0
            if isinstance(watch.selector, ScaleUniqueId):
                self._broker.lead(watch.selector, outcome)
                return
            known = self._broker.known(watch.selector)
            if self._tell(outcome) and known is not None:
                await self._replicas.tell(outcome)
            return
        watch.failures = 0 if outcome is None else watch.failures + 1
        self._broker.fail(watch.selector, outcome)

    def _tell(self, task: Task) -> bool:
        is_news = self._broker.publish(task)
        watch = self._watches.get(task.reference)
        if is_news and watch is not None:
            watch.changed_at = self._clock()
            if not watch.is_reading:
                watch.due_at = self._next_due(watch)
                self._work_to_do.set()
        return is_news

    def _next_due(self, watch: _Watch) -> float:
        known, now = self._broker.known(watch.selector), self._clock()
        status = None if known is None else known.status
        return now + self._pace.interval(status, now - watch.changed_at, watch.failures, self._chance())

    # Other replicas

    def _mine(self) -> list[Reference]:
        return [
            watch.selector
            for watch in self._watches.values()
            if watch.is_mine and not isinstance(watch.selector, ScaleUniqueId)
        ]

    async def _keep_leases(self) -> None:
        while True:
            self._leases_to_do.clear()
            try:
                await self.renew_leases()
            except Exception:  # noqa: BLE001  without leases every replica would go on without this one
                _log.exception("renewing leases failed unexpectedly")
            await asyncio.sleep(_GRAIN_S)
            await self._wait(self._leases_to_do, LEASE_EVERY_S)

    async def renew_leases(self) -> None:
        """Learns which tasks are this replica's to watch; what was another's before is read at once."""
        given_up, self._given_up = [one for one in self._given_up if one not in self._watches], []
        if given_up:
            await self._replicas.release(given_up)
        wanted = [selector for selector in self._watches if not isinstance(selector, ScaleUniqueId)]
        mine = await self._replicas.claim(wanted) if wanted else set()
        for reference in wanted:
            watch = self._watches.get(reference)
            if watch is None:
                if reference in mine:
                    self._given_up.append(reference)
                continue
            is_taken_over = reference in mine and not watch.is_mine and watch.was_others
            watch.is_mine = reference in mine
            watch.was_others = not watch.is_mine
            if is_taken_over:
                watch.must_read, watch.due_at = True, self._clock()
        for selector, watch in self._watches.items():
            # Until it leads to a task, nobody else watches it in the name of this replica's listeners.
            watch.is_mine = watch.is_mine or isinstance(selector, ScaleUniqueId)
        self._work_to_do.set()

    def _heard(self, reference: Reference, load: Callable[[], Task | None]) -> None:
        watch = self._watches.get(reference)
        entry = self._tasks.peek(reference)
        if watch is None and entry is None:
            return
        task = load()
        if task is None:
            if watch is not None:
                self._read_now(watch)
            return
        if entry is None or entry.task is None or is_older(entry.task, task):
            self._tasks.prime([task], self._tasks.mark)
        self._tell(task)

    def _linked(self, is_linked: bool) -> None:
        """After a gap everything is read again; in it nobody knows who watches, so that all do."""
        for watch in self._watches.values():
            if is_linked:
                self._read_now(watch)
        self._leases_to_do.set()

    def _read_now(self, watch: _Watch) -> None:
        watch.must_read, watch.due_at = True, self._clock()
        self._work_to_do.set()

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        """Returns when the event is set or the seconds have passed, whichever comes first."""
        waiting = asyncio.ensure_future(event.wait())
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait({waiting, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()


def _in_groups(watches: Sequence[_Watch]) -> list[list[_Watch]]:
    """What is read together: scenes of one annotation request, all others of one backend in small parts."""
    requests: dict[str, list[_Watch]] = {}
    others: dict[tuple[Backend, type], list[_Watch]] = {}
    for watch in watches:
        selector = watch.selector
        if isinstance(selector, RosettaTaskReference):
            requests.setdefault(selector.annotation_request_id, []).append(watch)
        else:
            others.setdefault((selector.backend, type(selector)), []).append(watch)
    parts = [group[at : at + _TOGETHER] for group in others.values() for at in range(0, len(group), _TOGETHER)]
    return [*requests.values(), *parts]
