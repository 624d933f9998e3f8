"""The emulator's state: tasks, projects and batches, and every way in which a task changes."""

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale.index import Key, TaskIndex, sort_key
from gateway.sandbox.scale.results import failed_attachment, fake_result
from gateway.sandbox.scale.selection import Selection
from gateway.sandbox.scale.wire import format_time, parse_time

Record = dict[str, Any]
"""A task, project or batch as the API answers it."""

_KEPT_SELECTIONS = 16


@dataclass(eq=False)
class TaskRow:
    """One task: its public record and what Scale does not show."""

    task_id: str
    record: Record
    created_at: datetime
    work_started: bool = False
    """Still `pending` in the record, but no longer cancellable."""
    clear_unique_id_on_error: bool = False
    moves: bool = True
    """Whether the lifecycle may pick it at random."""

    @property
    def key(self) -> Key:
        return sort_key(self.created_at, self.task_id)


class ScaleStore:
    """All state of one emulated account. Absent things are absent keys, never nulls."""

    def __init__(self, clock: SandboxClock, *, random_seed: int = 0) -> None:
        self.projects: dict[str, Record] = {}
        self.batches: dict[str, Record] = {}
        self.rapid_projects: set[str] = set()
        self.on_event: Callable[[TaskRow], None] = lambda row: None
        """Called after a change that Scale announces by a callback."""
        self._clock = clock
        self._rows: dict[str, TaskRow] = {}
        self._index = TaskIndex()
        self._selected: dict[Selection, list[Key]] = {}
        self._machine = random.Random(random_seed).getrandbits(40)  # noqa: S311 - ids, not secrets
        self._counter = itertools.count(1)

    # Reading

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, task_id: str) -> TaskRow:
        """Raises KeyError for an unknown task."""
        return self._rows[task_id]

    def find(self, task_id: str) -> TaskRow | None:
        return self._rows.get(task_id)

    def tasks(self) -> Iterator[TaskRow]:
        """All tasks, newest first, ties by task id."""
        return (self._rows[task_id] for _, task_id in list(self._index.all.keys()))

    def holder_of(self, unique_id: str) -> str | None:
        """The id of the task that has this unique id."""
        return self._index.holder_of(unique_id)

    def with_status(self, status: str) -> list[Key]:
        """For reading only, and only until the next change."""
        return self._index.having("status", status).keys()

    def select(self, selection: Selection) -> list[Key]:
        """The keys of the selected tasks in list order, for reading only, and only until the next change."""
        kept = self._selected.get(selection)
        if kept is None:
            if len(self._selected) >= _KEPT_SELECTIONS:
                self._selected.clear()
            kept = self._selected[selection] = self._search(selection)
        return kept

    # Adding

    def add_project(self, name: str, *, type: str = "imageannotation", rapid: bool = False, **fields: Any) -> Record:
        now = format_time(self._clock.now())
        history = [{"instruction": f"Label {name}.", "version": 0, "created_at": now}]
        project = {"type": type, "name": name, "param_history": history, "created_at": now, "archived": False}
        self.projects[name] = {**project, **fields}
        if rapid:
            self.rapid_projects.add(name)
        return self.projects[name]

    def add_batch(self, name: str, project: str, *, status: str = "in_progress", **fields: Any) -> Record:
        created_at = format_time(self._clock.now())
        batch = {"name": name, "project": project, "status": status, "created_at": created_at, "metadata": {}}
        self.batches[name] = {**batch, **fields}
        return self.batches[name]

    def add_task(
        self,
        *,
        task_id: str | None = None,
        work_started: bool = False,
        clear_unique_id_on_error: bool = False,
        moves: bool = True,
        **fields: Any,
    ) -> TaskRow:
        """Adds a task with these fields, verbatim, over plain defaults: pending, created now.

        A completed task gets a `completed_at` and both completed and errored ones a `response`. `created_at` may be
        a datetime or a string.
        """
        created_at = fields.pop("created_at", None) or self._clock.now()
        if isinstance(created_at, str):
            created_at = parse_time(created_at)
        task_id = task_id or self._new_id(created_at)
        row = TaskRow(task_id, {}, created_at, work_started, clear_unique_id_on_error, moves)
        stamp = format_time(created_at)
        row.record = {
            "task_id": task_id,
            "type": "imageannotation",
            "status": "pending",
            "params": {},
            "metadata": {},
            "created_at": stamp,
            "updated_at": stamp,
            **fields,
        }
        self._finish(row.record, stamp)
        self._rows[task_id] = row
        self._place(row)
        return row

    def delete(self, task_id: str) -> None:
        """Forgets the task as if it had never been."""
        del self._rows[task_id]
        self._index.remove(task_id)
        self._selected.clear()

    # Changing

    def patch(
        self,
        task_id: str,
        fields: Mapping[str, Any] | None = None,
        /,
        *,
        remove: tuple[str, ...] = (),
        touch: bool = True,
        **more: Any,
    ) -> TaskRow:
        """Sets fields of the record to any value, None included, and removes others.

        `updated_at` moves, by a millisecond at least, unless `touch` is false or it is among the fields.
        """
        row = self.get(task_id)
        changes = {**(fields or {}), **more}
        if "created_at" in changes:
            row.created_at = parse_time(changes["created_at"])
        if touch and "updated_at" not in changes and "updated_at" not in remove:
            changes["updated_at"] = self._next_update(row)
        row.record.update(changes)
        for name in remove:
            row.record.pop(name, None)
        self._place(row)
        return row

    def set_status(self, task_id: str, status: str) -> TaskRow:
        """Any word, documented or not."""
        return self.patch(task_id, status=status)

    def start(self, task_id: str) -> TaskRow:
        """Work begins: nothing shows, but the task can no longer be canceled."""
        row = self.get(task_id)
        row.work_started = True
        return row

    def complete(self, task_id: str, response: Mapping[str, Any] | None = None) -> TaskRow:
        row = self.get(task_id)
        result = fake_result(row.record["type"]) if response is None else dict(response)
        self.patch(task_id, status="completed", response=result, completed_at=self._next_update(row))
        self.on_event(row)
        return row

    def fail(self, task_id: str, response: Mapping[str, Any] | None = None) -> TaskRow:
        """The task errors; its unique id is freed when its creation asked for that."""
        row = self.get(task_id)
        reason = dict(response) if response else failed_attachment("Attachment not found", "https://example.com/a.png")
        remove = ("completed_at", "unique_id") if row.clear_unique_id_on_error else ("completed_at",)
        self.patch(task_id, status="error", response=reason, remove=remove)
        self.on_event(row)
        return row

    def recall(self, task_id: str) -> TaskRow:
        """A completed task goes back to pending, to be done again."""
        row = self.get(task_id)
        times_redone = row.record.get("times_redone", 0) + 1
        self.patch(task_id, status="pending", times_redone=times_redone, remove=("completed_at", "response"))
        row.work_started = True
        self.on_event(row)
        return row

    def cancel(self, task_id: str, *, clear_unique_id: bool = False) -> TaskRow:
        """Cancels without asking whether that is allowed."""
        remove = ("unique_id",) if clear_unique_id else ()
        return self.patch(task_id, status="canceled", remove=remove)

    def audit(self, task_id: str, result: str, *, by: str, source: str, seconds: int = 60) -> TaskRow:
        """Adds an audit; a customer's becomes the review status as well."""
        row = self.get(task_id)
        audit = {
            "audited_by": by,
            "audited_at": format_time(self._clock.now()),
            "audit_time_secs": seconds,
            "audit_result": result,
            "audit_source": source,
        }
        changes: Record = {"audits": [*(row.record.get("audits") or []), audit]}
        if source == "customer":
            changes["customer_review_status"] = result
        self.patch(task_id, changes)
        self.on_event(row)
        return row

    # Inside

    def _search(self, selection: Selection) -> list[Key]:
        if selection.unique_ids is not None:
            candidates = self._index.held_by(selection.unique_ids)
        else:
            words = [self._index.having(name, value) for name, value in selection.words()]
            narrowest = min([self._index.all, *words], key=len)
            candidates = narrowest.keys()
            if selection.only_words and len(words) < 2:
                return (words[0] if words else self._index.all).keys()
        return [key for key in candidates if selection.holds(self._rows[key[1]].record)]

    def _place(self, row: TaskRow) -> None:
        self._index.place(row.key, row.record)
        self._selected.clear()

    def _finish(self, record: Record, stamp: str) -> None:
        if record["status"] == "completed":
            record.setdefault("completed_at", stamp)
            record.setdefault("response", fake_result(record["type"]))
        elif record["status"] == "error":
            record.setdefault("response", failed_attachment("Attachment not found", "https://example.com/a.png"))

    def _next_update(self, row: TaskRow) -> str:
        now = self._clock.now()
        try:
            least = parse_time(row.record["updated_at"]) + timedelta(milliseconds=1)
        except (KeyError, TypeError, ValueError):
            least = now
        return format_time(max(now, least))

    def _new_id(self, created_at: datetime) -> str:
        # As a Mongo ObjectId: the second of creation, the machine, a counter.
        return f"{int(created_at.timestamp()):08x}{self._machine:010x}{next(self._counter):06x}"
