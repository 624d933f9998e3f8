"""Pages of Scale's lists: their types, and how they are read. A record that cannot be used leaves its page standing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from gateway.backends.nesting import fitted, is_too_deep
from gateway.backends.scale.answers import as_object, bad_response
from gateway.backends.scale.fields import Fields, Misfit
from gateway.backends.scale.normalize import UnusableRecordError, reference_of, status_of, to_task
from gateway.backends.scale.queries import TaskQuery
from gateway.backends.scale.vocabulary import task_status
from schema.references import ScaleTaskReference
from schema.scalars import JSON, safe_json
from schema.status import BackendStatus, TaskStatus
from schema.task import Task

ENDPOINT = "GET /tasks"


@dataclass(frozen=True, kw_only=True)
class TaskPage:
    """Whole tasks, created last first. A walk over pages is no snapshot: a task may come twice, or be missed.

    `total` counts all matches of the query, where Scale says it. `next_token` is None where the walk ends.
    `skipped` counts records left out for lacking their id or status; `skipped_unique_ids` are what some of them tell.
    """

    tasks: tuple[Task, ...]
    total: int | None
    next_token: str | None
    skipped: int = 0
    skipped_unique_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """What a limited page tells of a task. It is no Task: unique id, tags and times are missing from it."""

    reference: ScaleTaskReference
    status: TaskStatus
    backend_status: BackendStatus
    project: str | None
    metadata: JSON


@dataclass(frozen=True, kw_only=True)
class TaskStatePage:
    """As `TaskPage`, of states."""

    states: tuple[TaskState, ...]
    total: int | None
    next_token: str | None
    skipped: int = 0


def task_page(answer: object, query: TaskQuery, *, fetched_at: datetime, misfit: Misfit) -> TaskPage:
    """The page that answers `query`. Raises GatewayError BACKEND_BAD_RESPONSE where it is no page."""
    page = as_object(answer, ENDPOINT)
    tasks: list[Task] = []
    skipped: list[object] = []
    for record in docs_of(page, ENDPOINT):
        try:
            values, body = fitted(_values(record), None, misfit)
            tasks.append(to_task(reference_of(values), values, body, fetched_at=fetched_at, misfit=misfit))
        except ValueError:
            skipped.append(record.get("unique_id") if isinstance(record, dict) else None)
    return TaskPage(
        tasks=tuple(tasks),
        total=Fields(page, misfit).count("total"),
        next_token=_next_token(page, query, misfit),
        skipped=len(skipped),
        skipped_unique_ids=frozenset(it for it in skipped if isinstance(it, str)),
    )


def task_state_page(answer: object, query: TaskQuery, *, misfit: Misfit) -> TaskStatePage:
    """The limited page that answers `query`. Raises GatewayError BACKEND_BAD_RESPONSE where it is no page."""
    page = as_object(answer, ENDPOINT)
    docs = docs_of(page, ENDPOINT)
    states: list[TaskState] = []
    for record in docs:
        try:
            states.append(_state(_values(record), misfit))
        except UnusableRecordError:
            continue
    return TaskStatePage(
        states=tuple(states),
        total=Fields(page, misfit).count("total"),
        next_token=_next_token(page, query, misfit),
        skipped=len(docs) - len(states),
    )


def docs_of(page: Mapping[str, object], endpoint: str) -> list[object]:
    """The records of a page. Raises GatewayError BACKEND_BAD_RESPONSE where there is no list of them."""
    docs = page.get("docs")
    if not isinstance(docs, list):
        raise bad_response(f"{endpoint} no list of docs")
    return docs


def _values(record: object) -> Mapping[str, object]:
    if not isinstance(record, dict):
        raise UnusableRecordError("a record that is no object")
    return cast(Mapping[str, object], record)


def _state(values: Mapping[str, object], misfit: Misfit) -> TaskState:
    status, backend_status = task_status(status_of(values))
    fields = Fields(values, misfit)
    fields.expect_object("metadata")
    metadata = values.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    elif is_too_deep(metadata):
        misfit("metadata")
        metadata = {}
    return TaskState(
        reference=reference_of(values),
        status=status,
        backend_status=backend_status,
        project=fields.text("project"),
        metadata=safe_json(metadata),
    )


def _next_token(page: Mapping[str, object], query: TaskQuery, misfit: Misfit) -> str | None:
    """Where the walk goes on, if Scale says that there is more and gives another token than it was sent."""
    fields = Fields(page, misfit)
    token = fields.text("next_token")
    return token if token and token != query.next_token and fields.flag("has_more") else None
