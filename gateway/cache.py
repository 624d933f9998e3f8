"""TaskCache: what has been read, how long it counts as fresh, and how long it may still be served after that."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType

from cachetools import LRUCache

from schema.references import Reference, ScaleUniqueId, Selector
from schema.status import TaskStatus
from schema.task import Task

DEFAULT_MAX_BYTES = 256 * 1024 * 1024

# With other replicas writing and their invalidations not arriving, what is kept counts as fresh this long.
_UNHEARD_S = 2.0

# A task's fields and its places in our maps, measured at 2.1 KB; the record's own bytes come on top.
_TASK_BYTES = 2100

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


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer kept: the task, or None for "there is none". Moments are seconds of the cache's clock."""

    task: Task | None
    read_at: float
    fresh_until: float
    stale_until: float
    kept_until: float

    @property
    def stale_task(self) -> Task | None:
        """The task, marked as past its freshness."""
        return None if self.task is None else replace(self.task, is_stale=True)


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
        self._entries = _Entries(max_tasks, max_bytes)
        # What was kept since then is true as long as it is fresh, since every write would have been heard of.
        self._heard_since = float("-inf")

    def get(self, selector: Selector) -> Entry | None:
        """What is known and still fresh; None where the backend has to be asked."""
        entry = self._find(selector)
        if entry is None:
            return None
        now = self.now()
        return entry if now < entry.fresh_until and self._is_heard(entry, now) else None

    def find(self, selector: Selector) -> tuple[Entry, Age] | None:
        """What is known and may still be served under some condition, and which."""
        entry, now = self._find(selector), self.now()
        if entry is None or now >= entry.kept_until:
            return None
        if now < entry.fresh_until and self._is_heard(entry, now):
            return entry, Age.FRESH
        if entry.task is None:
            return None
        return entry, Age.STALE if now < entry.stale_until else Age.OLD

    def put(self, selector: Selector, task: Task | None, *, age_s: float = 0.0) -> None:
        """Keeps what a backend answered for `selector` `age_s` seconds ago."""
        read_at = self.now() - age_s
        entry = Entry(
            task=task,
            read_at=read_at,
            fresh_until=read_at + self.freshness.of(task),
            stale_until=read_at + self.freshness.stale_after(task),
            kept_until=read_at + self.freshness.kept_after(task),
        )
        self._entries.keep(selector if task is None else task.reference, entry)
        if task is None and isinstance(selector, ScaleUniqueId):
            self._entries.unique_ids.pop(selector, None)

    def drop(self, selector: Selector) -> None:
        """Forgets what is known of `selector`."""
        self._entries.pop(self._reference(selector), None)

    def heard_since(self, moment: float | None) -> None:
        """Tells from when on the writes of other replicas have been heard of without a gap; None: not at present."""
        self._heard_since = float("inf") if moment is None else moment

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes_kept(self) -> int:
        """What the answers kept take, estimated."""
        return int(self._entries.currsize)

    def _is_heard(self, entry: Entry, now: float) -> bool:
        return entry.read_at >= self._heard_since or now < entry.read_at + _UNHEARD_S

    def _reference(self, selector: Selector) -> Selector:
        return self._entries.unique_ids.get(selector, selector) if isinstance(selector, ScaleUniqueId) else selector

    def _find(self, selector: Selector) -> Entry | None:
        if not isinstance(selector, ScaleUniqueId):
            return self._entries.get(selector)
        entry = self._entries.get(self._reference(selector))
        if entry is None or entry.task is None:
            return entry
        # A unique id may have moved to another task since.
        return entry if entry.task.unique_id == selector.text else None


class _Entries(LRUCache[Selector, Entry]):
    """Bounded by bytes and by number. `unique_ids` names the tasks that are in it, and goes with them."""

    def __init__(self, max_tasks: int, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=_size)
        self._max_tasks = max_tasks
        self.unique_ids: dict[ScaleUniqueId, Reference] = {}

    def keep(self, selector: Selector, entry: Entry) -> None:
        self.pop(selector, None)
        if _size(entry) > self.maxsize:
            return
        self[selector] = entry
        while len(self) > self._max_tasks:
            self.popitem()
        task = entry.task
        if task is not None and task.unique_id is not None:
            self.unique_ids[ScaleUniqueId(task.unique_id)] = task.reference

    def __delitem__(self, selector: Selector) -> None:
        # Where LRUCache takes out what it evicts, and pop what it returns.
        task = self[selector].task
        super().__delitem__(selector)
        if task is not None and task.unique_id is not None:
            alias = ScaleUniqueId(task.unique_id)
            if self.unique_ids.get(alias) == task.reference:
                del self.unique_ids[alias]


def _size(entry: Entry) -> int:
    return _TASK_BYTES + (0 if entry.task is None else len(entry.task.record.body))
