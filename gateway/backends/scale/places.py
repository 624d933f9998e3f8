"""What holds Scale's tasks, projects and batches: their types, and how they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from gateway.backends.scale.answers import as_object, bad_response
from gateway.backends.scale.fields import Fields, Misfit
from gateway.backends.scale.pages import docs_of
from gateway.backends.scale.queries import BatchQuery
from gateway.backends.scale.vocabulary import STATUS_WORDS
from schema.status import TaskStatus


@dataclass(frozen=True, kw_only=True)
class ScaleProject:
    """A project; `name` is what tasks and filters call it by."""

    name: str
    type: str | None = None
    created_at: datetime | None = None
    is_archived: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectList:
    """All projects: Scale knows no pages of them. `skipped` counts those left out for lacking a name."""

    projects: tuple[ScaleProject, ...]
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class ScaleBatch:
    """A batch; `status` is Scale's own word: staging, in_progress, completed."""

    name: str
    status: str
    project: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class BatchPage:
    """Batches, newest first. `next_offset` is None where the walk ends; `total` is None where Scale does not say it.

    `skipped` counts those left out for lacking a name or status.
    """

    batches: tuple[ScaleBatch, ...]
    total: int | None
    next_offset: int | None
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class BatchStatus:
    """Where a batch stands, in Scale's own word, and how many of its tasks stand where."""

    status: str
    counts: Mapping[TaskStatus, int]


def project_list(answer: object, endpoint: str, misfit: Misfit) -> ProjectList:
    """The projects in a bare array. Raises GatewayError BACKEND_BAD_RESPONSE where there is none."""
    if not isinstance(answer, list):
        raise bad_response(f"{endpoint} no list")
    found = [_project(record, misfit) for record in answer]
    projects = tuple(project for project in found if project is not None)
    return ProjectList(projects=projects, skipped=len(found) - len(projects))


def batch_page(answer: object, query: BatchQuery, endpoint: str, misfit: Misfit) -> BatchPage:
    """The page that answers `query`. Raises GatewayError BACKEND_BAD_RESPONSE where it is no page."""
    page = as_object(answer, endpoint)
    found = [_batch(record, misfit) for record in docs_of(page, endpoint)]
    batches = tuple(batch for batch in found if batch is not None)
    fields = Fields(page, misfit)
    # The Python SDK reads the first name, the Node SDK the second.
    total = fields.count("totalDocs" if page.get("totalDocs") is not None else "total")
    return BatchPage(
        batches=batches,
        total=total,
        next_offset=_next_offset(fields.flag("has_more"), query.offset, len(found), total),
        skipped=len(found) - len(batches),
    )


def batch_status(answer: object, endpoint: str, misfit: Misfit) -> BatchStatus:
    """The counts of a batch; one that is missing is 0.

    Raises GatewayError BACKEND_BAD_RESPONSE where one is no count: 0 would be a lie.
    """
    values = as_object(answer, endpoint)
    fields = Fields(values, misfit)
    status = fields.text("status")
    if status is None:
        raise bad_response(f"{endpoint} no status")
    counts = {task_status: fields.count(word) for task_status, word in STATUS_WORDS.items()}
    if any(counts[task_status] is None and values.get(word) is not None for task_status, word in STATUS_WORDS.items()):
        raise bad_response(f"{endpoint} a count that is none")
    return BatchStatus(
        status=status, counts=MappingProxyType({task_status: count or 0 for task_status, count in counts.items()})
    )


def _project(record: object, misfit: Misfit) -> ScaleProject | None:
    fields = Fields(record if isinstance(record, dict) else {}, misfit)
    name = fields.text("name")
    if not name:
        return None
    return ScaleProject(
        name=name,
        type=fields.text("type"),
        created_at=fields.moment("created_at"),
        is_archived=fields.flag("archived"),
    )


def _batch(record: object, misfit: Misfit) -> ScaleBatch | None:
    fields = Fields(record if isinstance(record, dict) else {}, misfit)
    name, status = fields.text("name"), fields.text("status")
    if not name or status is None:
        return None
    return ScaleBatch(name=name, status=status, project=fields.text("project"), created_at=fields.moment("created_at"))


def _next_offset(has_more: bool | None, offset: int, found: int, total: int | None) -> int | None:
    if has_more is None:
        has_more = total is not None and offset + found < total
    return offset + found if has_more and found else None
