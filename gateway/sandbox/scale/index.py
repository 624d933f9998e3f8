"""Sorted views over many tasks, so that a page of 100,000 of them is found without looking at each."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Key = tuple[int, str]
"""Where a task stands in a list: minus its creation in milliseconds, then its id. Newest first, ties by id."""

INDEXED_FIELDS = ("status", "project", "batch", "type")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FEW = 32


def sort_key(created_at: datetime, task_id: str) -> Key:
    return -((created_at - _EPOCH) // timedelta(milliseconds=1)), task_id


def after(keys: list[Key], key: Key | None) -> int:
    """The position of the first key behind `key`, which itself need not be there."""
    return 0 if key is None else bisect_right(keys, key)


class SortedKeys:
    """Keys in order. Many added at once are sorted at once, when they are next looked at."""

    def __init__(self) -> None:
        self._sorted: list[Key] = []
        self._added: list[Key] = []

    def add(self, key: Key) -> None:
        self._added.append(key)

    def discard(self, key: Key) -> None:
        keys = self.keys()
        position = bisect_left(keys, key)
        if position < len(keys) and keys[position] == key:
            del keys[position]

    def keys(self) -> list[Key]:
        """The keys themselves, not a copy: for reading only."""
        if len(self._added) <= _FEW:
            for key in self._added:
                insort(self._sorted, key)
        else:
            self._sorted.extend(self._added)
            self._sorted.sort()
        self._added.clear()
        return self._sorted

    def __len__(self) -> int:
        return len(self._sorted) + len(self._added)


class TaskIndex:
    """Which tasks have a status, project, batch, type or unique id."""

    def __init__(self) -> None:
        self.all = SortedKeys()
        self._by_word: dict[tuple[str, str], SortedKeys] = {}
        self._by_unique_id: dict[str, str] = {}
        self._placed: dict[str, tuple[Key, frozenset[tuple[str, str]], str | None]] = {}

    def place(self, key: Key, record: dict[str, Any]) -> None:
        """Adds the task, or moves it to where its record now belongs."""
        task_id = key[1]
        words = frozenset((name, record[name]) for name in INDEXED_FIELDS if isinstance(record.get(name), str))
        unique_id = record.get("unique_id") if isinstance(record.get("unique_id"), str) else None
        old_key, old_words, old_unique_id = self._placed.get(task_id, (None, frozenset(), None))
        self._placed[task_id] = key, words, unique_id
        if old_key != key:
            self._move(old_key, key)
        moved = old_key != key
        for word in old_words if moved else old_words - words:
            if old_key is not None:
                self._by_word[word].discard(old_key)
        for word in words if moved else words - old_words:
            self._by_word.setdefault(word, SortedKeys()).add(key)
        self._rename(task_id, old_unique_id, unique_id)

    def remove(self, task_id: str) -> None:
        key, words, unique_id = self._placed.pop(task_id)
        self.all.discard(key)
        for word in words:
            self._by_word[word].discard(key)
        self._rename(task_id, unique_id, None)

    def holder_of(self, unique_id: str) -> str | None:
        """The id of the task that has this unique id."""
        return self._by_unique_id.get(unique_id)

    def having(self, name: str, value: str) -> SortedKeys:
        return self._by_word.get((name, value)) or SortedKeys()

    def held_by(self, unique_ids: Iterable[str]) -> list[Key]:
        """The keys of the tasks that have these unique ids, in order."""
        holders = {self._by_unique_id[each] for each in unique_ids if each in self._by_unique_id}
        return sorted(self._placed[task_id][0] for task_id in holders)

    def _move(self, old_key: Key | None, key: Key) -> None:
        if old_key is not None:
            self.all.discard(old_key)
        self.all.add(key)

    def _rename(self, task_id: str, old: str | None, new: str | None) -> None:
        if old is not None and self._by_unique_id.get(old) == task_id:
            del self._by_unique_id[old]
        if new is not None:
            self._by_unique_id[new] = task_id
