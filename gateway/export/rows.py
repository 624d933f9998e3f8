"""What a task looks like in an export: the schema's field names, one line a task."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from types import MappingProxyType

import orjson

from schema.references import RosettaTaskReference, ScaleTaskReference, global_id
from schema.scalars import format_datetime, safe_json
from schema.task import Task


class Format(Enum):
    """How lines are written. CSV has a header and keeps what is no plain value as JSON in its cell."""

    NDJSON = "ndjson"
    CSV = "csv"


def _scene(task: Task) -> RosettaTaskReference | None:
    return task.reference if isinstance(task.reference, RosettaTaskReference) else None


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_datetime(moment)


def _backend_status(task: Task) -> Mapping[str, object] | None:
    said = task.backend_status
    return None if said is None else {"value": said.value, "label": said.label, "pool": said.pool}


# Only what a list brings by itself: nothing here costs a call of its own.
COLUMNS: Mapping[str, Callable[[Task], object]] = MappingProxyType(
    {
        "id": lambda task: global_id(task.reference),
        "backend": lambda task: task.reference.backend.name,
        "scaleTaskId": lambda task: task.reference.task_id if isinstance(task.reference, ScaleTaskReference) else None,
        "campaignId": lambda task: scene.campaign_id if (scene := _scene(task)) else None,
        "annotationRequestId": lambda task: scene.annotation_request_id if (scene := _scene(task)) else None,
        "sceneId": lambda task: scene.scene_id if (scene := _scene(task)) else None,
        "status": lambda task: task.status.name,
        "backendStatus": _backend_status,
        "type": lambda task: task.type,
        "project": lambda task: task.project,
        "batch": lambda task: task.batch,
        "priority": lambda task: task.priority,
        "isTest": lambda task: task.is_test,
        "uniqueId": lambda task: task.unique_id,
        "tags": lambda task: task.tags,
        "metadata": lambda task: task.record.metadata(),
        "params": lambda task: task.record.params(),
        "response": lambda task: task.record.response(),
        "callbackUrl": lambda task: task.callback_url,
        "callbackSucceeded": lambda task: task.callback_succeeded,
        "reviewStatus": lambda task: None if task.review_status is None else task.review_status.name,
        "timesRedone": lambda task: task.times_redone,
        "projectParamVersion": lambda task: task.project_param_version,
        "createdAt": lambda task: _time(task.created_at),
        "updatedAt": lambda task: _time(task.updated_at),
        "completedAt": lambda task: _time(task.completed_at),
        "fetchedAt": lambda task: _time(task.fetched_at),
        "isStale": lambda task: task.is_stale,
    }
)
_JSON_COLUMNS = ("metadata", "params", "response")


def header(format: Format) -> bytes:
    """What stands above the first line."""
    return _csv_lines([list(COLUMNS)]) if format is Format.CSV else b""


def lines(format: Format, tasks: Iterable[Task]) -> bytes:
    """A whole line for each task."""
    rows = [{name: value(task) for name, value in COLUMNS.items()} for task in tasks]
    for row in rows:
        row.update({name: safe_json(row[name]) for name in _JSON_COLUMNS})
    if format is Format.CSV:
        return _csv_lines([[_cell(value) for value in row.values()] for row in rows])
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _cell(value: object) -> object:
    if isinstance(value, bool | dict | list | tuple):
        return orjson.dumps(value).decode()
    return value


def _csv_lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    # A lone surrogate, which a vendor's JSON may hold, is no UTF-8.
    return text.getvalue().encode("utf-8", "replace")
