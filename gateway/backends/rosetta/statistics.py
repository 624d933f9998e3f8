"""Rows of Rosetta's two statistics endpoints: the present state of tasks, and what happened to them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Generic, TypeVar

from gateway.backends.nesting import fitted_for_clients
from gateway.backends.rosetta.fields import Fields, Misfit, as_integer_text
from gateway.backends.rosetta.statuses import event_action, task_status
from schema.status import BackendStatus, TaskStatus
from schema.task import TaskEvent, TaskEventAction

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsRow:
    """One task's present state. `status` is None where the row has none that can be read.

    `body` is the row as received, as JSON in which integers beyond 2^53 are texts.
    """

    task_id: str
    status: TaskStatus | None
    backend_status: BackendStatus | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One thing that happened to one task."""

    record_id: str
    task_id: str
    event: TaskEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """One page: how many rows there are over all pages, how many came here, and those that can be read."""

    count: int
    received: int
    rows: tuple[Row, ...]


def parse_page(
    fields: Fields, misfit: Misfit, parse: Callable[[Mapping[str, object], Misfit], Row | None]
) -> Page[Row] | None:
    """The page, None where it does not say how many rows there are."""
    count = fields.integer("count")
    if count is None or count < 0:
        return None
    rows = (parse(record, misfit) for record in fields.each("data"))
    return Page(count=count, received=fields.length("data"), rows=tuple(row for row in rows if row is not None))


def parse_statistics_row(record: Mapping[str, object], misfit: Misfit) -> StatisticsRow | None:
    """The row, None for one without a task's id."""
    fields = Fields(record, misfit)
    task_id = _required_id(record, "id", misfit)
    if task_id is None:
        return None
    digits = fields.integer_text("status")
    status, backend_status = (None, None) if digits is None else task_status(digits)
    body = fitted_for_clients(record, misfit)
    return StatisticsRow(task_id=task_id, status=status, backend_status=backend_status, body=body)


def parse_history_row(zone: tzinfo) -> Callable[[Mapping[str, object], Misfit], HistoryRow | None]:
    """A parser of history records whose times are those of `zone`."""

    def parse(record: Mapping[str, object], misfit: Misfit) -> HistoryRow | None:
        record_id, task_id = _required_id(record, "id", misfit), _required_id(record, "taskId", misfit)
        if record_id is None or task_id is None:
            return None
        return HistoryRow(record_id=record_id, task_id=task_id, event=_event(Fields(record, misfit), zone, misfit))

    return parse


def by_task(rows: Iterable[HistoryRow]) -> dict[str, list[TaskEvent]]:
    """Each task's events, oldest first. Events at the same second keep the order of their records' numbers."""
    events: dict[str, list[TaskEvent]] = {}
    for row in sorted(rows, key=_age):
        events.setdefault(row.task_id, []).append(row.event)
    return events


def moment(text: str, zone: tzinfo) -> datetime | None:
    """The moment that a wall clock time of `zone` such as "2025-03-24 16:04:53" names, in UTC; None for no such text.

    Rosetta writes no zone. A text that has one all the same keeps it.
    """
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _event(fields: Fields, zone: tzinfo, misfit: Misfit) -> TaskEvent:
    action = fields.integer("actionType")
    digits = fields.integer_text("status")
    text = fields.text("createdTime")
    at = moment(text, zone) if text else None
    if text and at is None:
        misfit("createdTime")
    return TaskEvent(
        person=fields.text("aliceName"),
        action=TaskEventAction.UNKNOWN if action is None else event_action(action),
        at=at,
        status=None if digits is None else task_status(digits)[0],
        pool=fields.label("poolName"),
    )


def _age(row: HistoryRow) -> tuple[float, int]:
    at = row.event.at
    return (at.timestamp() if at else float("-inf")), int(row.record_id)


def _required_id(record: Mapping[str, object], name: str, misfit: Misfit) -> str | None:
    digits = as_integer_text(record.get(name))
    if digits is None:
        misfit(name)
    return digits
