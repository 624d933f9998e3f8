"""TaskCache: what has been read, how long it counts as fresh, and how long it may still be served after that."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from operator import attrgetter
from types import MappingProxyType
from typing import cast

from schema.references import Key, Reference, ScaleUniqueId, Selector, Selectors, key_of_unique_id
from schema.status import TaskStatus
from schema.task import Task

DEFAULT_MAX_BYTES = 256 * 1024 * 1024

# With other replicas writing and their invalidations not arriving, what is kept counts as fresh this long.
_UNHEARD_S = 2.0

# A task's fields and its places in our maps, as benchmarks/memory.py shows; the record's own bytes come on top.
_TASK_BYTES = 1700

_STALE_TIMES_FRESHNESS = 10
_LONGEST_STALE_S = 3600.0


@dataclass(frozen=True)
class Freshness:
    """Seconds for which what was read counts as fresh. None lasts for ever: settled is not final."""

    open_s: float = 10
    settled_s: float = 300
    canceled_s: float = 3600
    absent_s: float = 5
    stale_if_error_s: float = 86_400

    def of(self, task: Task | None) -> float:
        """For a task by its status; for None, that its backend knows no such task."""
        return self.absent_s if task is None else float(getattr(self, _KIND.get(task.status, "open_s")))

    def stale_after(self, task: Task | None) -> float:
        """For how long after reading it may be served at once while it is refreshed.

        Never for None: a client could not tell that it is old.
        """
        fresh_s = self.of(task)
        return fresh_s if task is None else fresh_s + min(_STALE_TIMES_FRESHNESS * fresh_s, _LONGEST_STALE_S)

    def kept_after(self, task: Task | None) -> float:
        """For how long after reading it may be served where its backend fails."""
        return self.of(task) if task is None else max(self.stale_after(task), self.stale_if_error_s)


_KIND = MappingProxyType(
    {
        TaskStatus.COMPLETED: "settled_s",
        TaskStatus.FAILED: "settled_s",
        TaskStatus.DELIVERY_FAILED: "settled_s",
        TaskStatus.CANCELED: "canceled_s",
    }
)


class Age(Enum):
    """What may be done with an entry."""

    FRESH = auto()
    STALE = auto()  # served at once, while one read refreshes it
    OLD = auto()  # served only where its backend fails


# Not frozen, though nobody changes one: each cold task makes one, and frozen ones take longer to make.
@dataclass(slots=True, eq=False)
class Entry:
    """One answer kept: the task, or None for "there is none". Moments are seconds of the cache's clock.

    Told apart by identity.
    """

    task: Task | None
    read_at: float
    fresh_until: float

    @property
    def stale_task(self) -> Task | None:
        """The task, marked as past its freshness."""
        return None if self.task is None else replace(self.task, is_stale=True)


_FRESH_UNTIL = attrgetter("fresh_until")
_READ_AT = attrgetter("read_at")


class TaskCache:
    """A bounded map with a synchronous read, least recently used out first. `now` is seconds of any steady clock.

    `max_bytes` bounds the records and an estimate of what a task takes beside its record. An answer over it is not
    kept at all.
    """

    def __init__(
        self, freshness: Freshness, max_tasks: int, now: Callable[[], float], max_bytes: int = DEFAULT_MAX_BYTES
    ) -> None:
        self.freshness = freshness
        self.now = now
        # By a task's status; None where there is no task.
        self._fresh_s: dict[TaskStatus | None, float] = {}
        # Hear of each entry that no longer answers what it answered, and of moments when any of them may not.
        self.on_gone: list[Callable[[Entry], None]] = []
        self.on_doubt: list[Callable[[], None]] = []
        self._entries = _Entries(max_tasks, max_bytes, self._gone)
        # What was kept since then is true as long as it is fresh, since every write would have been heard of.
        self._heard_since = float("-inf")

    def get(self, selector: Selector) -> Entry | None:
        """What is known and still fresh; None where the backend has to be asked."""
        entry = self._find(selector)
        if entry is None:
            return None
        now = self.now()
        if now >= entry.fresh_until:
            return None
        return entry if entry.read_at >= self._heard_since or now < entry.read_at + _UNHEARD_S else None

    def get_many(self, selectors: Sequence[Selector]) -> list[Entry | None]:
        """`get` for each, at one moment."""
        now = self.now()
        if isinstance(selectors, Selectors) and not selectors.has_unique_ids:
            found = list(map(self._entries.look(), selectors.keys))
        else:
            found = [self._find(selector) for selector in selectors]
        if found and None not in found and self._are_fresh(cast("list[Entry]", found), now):
            return found
        return [
            entry if entry is not None and now < entry.fresh_until and self._is_heard(entry, now) else None
            for entry in found
        ]

    def _are_fresh(self, entries: list[Entry], now: float) -> bool:
        """Whether all of them certainly are, told by the two that are the first to be not."""
        return bool(now < min(map(_FRESH_UNTIL, entries)) and min(map(_READ_AT, entries)) >= self._heard_since)

    def fresh_until(self, entry: Entry) -> float:
        """Until when the entry counts as fresh, as far as is known now."""
        if entry.read_at >= self._heard_since:
            return entry.fresh_until
        return min(entry.fresh_until, entry.read_at + _UNHEARD_S)

    def find(self, selector: Selector) -> tuple[Entry, Age] | None:
        """What is known and may still be served under some condition, and which."""
        entry, now = self._find(selector), self.now()
        if entry is None:
            return None
        age_s, task = now - entry.read_at, entry.task
        if age_s >= self.freshness.kept_after(task):
            return None
        if now < entry.fresh_until and self._is_heard(entry, now):
            return entry, Age.FRESH
        if task is None:
            return None
        return entry, Age.STALE if age_s < self.freshness.stale_after(task) else Age.OLD

    def put(self, selector: Selector, task: Task | None, *, age_s: float = 0.0) -> None:
        """Keeps what a backend answered for `selector` `age_s` seconds ago."""
        read_at = self.now() - age_s
        status = None if task is None else task.status
        fresh_s = self._fresh_s.get(status)
        if fresh_s is None:
            fresh_s = self._fresh_s[status] = self.freshness.of(task)
        entry = Entry(task, read_at, read_at + fresh_s)
        self._entries.keep(selector if task is None else task.reference, entry)
        if task is None and isinstance(selector, ScaleUniqueId):
            self._entries.unnamed(selector)

    def drop(self, selector: Selector) -> None:
        """Forgets what is known of `selector`."""
        self._entries.drop(self._reference(selector))

    def heard_since(self, moment: float | None) -> None:
        """Tells from when on the writes of other replicas have been heard of without a gap; None: not at present."""
        self._heard_since = float("inf") if moment is None else moment
        for doubt in self.on_doubt:
            doubt()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes_kept(self) -> int:
        """What the answers kept take, estimated."""
        return self._entries.bytes

    def _gone(self, entry: Entry) -> None:
        for hear in self.on_gone:
            hear(entry)

    def _is_heard(self, entry: Entry, now: float) -> bool:
        return entry.read_at >= self._heard_since or now < entry.read_at + _UNHEARD_S

    def _reference(self, selector: Selector) -> Selector:
        if not isinstance(selector, ScaleUniqueId):
            return selector
        return self._entries.unique_ids.get(selector.text, selector)

    def _find(self, selector: Selector) -> Entry | None:
        if not isinstance(selector, ScaleUniqueId):
            return self._entries.get(selector)
        entry = self._entries.get(self._reference(selector))
        if entry is None or entry.task is None:
            return entry
        # A unique id may have moved to another task since.
        return entry if entry.task.unique_id == selector.text else None


class _Entries:
    """Bounded by bytes and by number. `unique_ids` names the tasks that are in it, and goes with them.

    `gone` hears of every entry that no longer answers what it answered. cachetools' map takes three times as long to
    look into, and a list looks a hundred times.
    """

    def __init__(self, max_tasks: int, max_bytes: int, gone: Callable[[Entry], None]) -> None:
        self._map: OrderedDict[Key, Entry] = OrderedDict()
        self._max_tasks = max_tasks
        self._max_bytes = max_bytes
        self._gone = gone
        self.bytes = 0
        self.unique_ids: dict[str, Reference] = {}

    def __len__(self) -> int:
        return len(self._map)

    def get(self, selector: Selector) -> Entry | None:
        return self.look()(selector.key)

    def look(self) -> Callable[[Key], Entry | None]:
        """The quickest way to look many up. Who was used last matters only where something may soon have to go."""
        is_filling = 2 * self.bytes >= self._max_bytes or 2 * len(self._map) >= self._max_tasks
        return self._touch if is_filling else self._map.get

    def _touch(self, key: Key) -> Entry | None:
        entry = self._map.get(key)
        if entry is not None:
            self._map.move_to_end(key)
        return entry

    def keep(self, selector: Selector, entry: Entry) -> None:
        key = selector.key
        self._drop(key)
        size = _size(entry)
        if size > self._max_bytes:
            return
        self._map[key] = entry
        self.bytes += size
        while self.bytes > self._max_bytes or len(self._map) > self._max_tasks:
            self._drop(next(iter(self._map)))
        task = entry.task
        if task is not None and task.unique_id is not None and key in self._map:
            self._name(task.unique_id, task.reference)

    def drop(self, selector: Selector) -> None:
        self._drop(selector.key)

    def _drop(self, key: Key) -> None:
        entry = self._map.pop(key, None)
        if entry is None:
            return
        self.bytes -= _size(entry)
        task = entry.task
        unique_id = None if task is None else task.unique_id
        if task is not None and unique_id is not None and self.unique_ids.get(unique_id) == task.reference:
            del self.unique_ids[unique_id]
        self._gone(entry)

    def unnamed(self, alias: ScaleUniqueId) -> None:
        """The unique id leads to no task any more."""
        reference = self.unique_ids.pop(alias.text, None)
        if reference is not None and (entry := self._map.get(reference.key)) is not None:
            self._gone(entry)

    def _name(self, unique_id: str, reference: Reference) -> None:
        """The unique id leads to this task from now on: what it led to before answers no longer."""
        former = self.unique_ids.get(unique_id)
        if former != reference:
            entry = self._map.get(key_of_unique_id(unique_id) if former is None else former.key)
            if entry is not None:
                self._gone(entry)
        self.unique_ids[unique_id] = reference


def _size(entry: Entry) -> int:
    return _TASK_BYTES + (0 if entry.task is None else len(entry.task.record.body))
