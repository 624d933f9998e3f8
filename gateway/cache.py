"""TaskCache: what has been read, and how long it counts as fresh."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from cachetools import LRUCache

from schema.references import Reference, ScaleUniqueId, Selector
from schema.status import TaskStatus
from schema.task import Task


@dataclass(frozen=True)
class Freshness:
    """Seconds for which what was read counts as fresh. None lasts for ever: settled is not final."""

    open_s: float = 10
    settled_s: float = 300
    canceled_s: float = 3600
    absent_s: float = 5

    def of(self, task: Task | None) -> float:
        """For a task by its status; for None, that its backend knows no such task."""
        return self.absent_s if task is None else float(getattr(self, _KIND.get(task.status, "open_s")))


_KIND = MappingProxyType(
    {
        TaskStatus.COMPLETED: "settled_s",
        TaskStatus.FAILED: "settled_s",
        TaskStatus.DELIVERY_FAILED: "settled_s",
        TaskStatus.CANCELED: "canceled_s",
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer kept: the task, or None for "there is none"."""

    task: Task | None
    fresh_until: float


class TaskCache:
    """A bounded map with a synchronous read, least recently used out first. `now` is seconds of any steady clock."""

    def __init__(self, freshness: Freshness, max_tasks: int, now: Callable[[], float]) -> None:
        self._freshness = freshness
        self._now = now
        self._entries: LRUCache[Selector, Entry] = LRUCache(max_tasks)
        self._by_unique_id: LRUCache[ScaleUniqueId, Reference] = LRUCache(max_tasks)

    def get(self, selector: Selector) -> Entry | None:
        """What is known and still fresh; None where the backend has to be asked."""
        reference = self._by_unique_id.get(selector, selector) if isinstance(selector, ScaleUniqueId) else selector
        entry = self._entries.get(reference)
        if entry is None or entry.fresh_until <= self._now():
            return None
        if isinstance(selector, ScaleUniqueId) and entry.task is not None and entry.task.unique_id != selector.text:
            return None  # the unique id has moved to another task since
        return entry

    def put(self, selector: Selector, task: Task | None) -> None:
        """Keeps what a backend just answered for `selector`."""
        entry = Entry(task, self._now() + self._freshness.of(task))
        if task is None:
            self._forget_alias(selector)
            self._entries[selector] = entry
            return
        self._entries[task.reference] = entry
        if task.unique_id is not None:
            self._by_unique_id[ScaleUniqueId(task.unique_id)] = task.reference

    def drop(self, selector: Selector) -> None:
        """Forgets what is known of `selector`."""
        self._entries.pop(selector, None)

    def _forget_alias(self, selector: Selector) -> None:
        if isinstance(selector, ScaleUniqueId):
            self._by_unique_id.pop(selector, None)
