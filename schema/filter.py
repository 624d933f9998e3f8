"""Which tasks a list holds: the filter that clients write, parsed once into criteria."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

import strawberry

from schema.backend import Backend
from schema.errors import bad_input
from schema.references import annotation_request_id, customer_text, unique_id
from schema.scalars import format_datetime
from schema.status import ReviewStatus, TaskStatus

MAX_LIST_ARGUMENT = 100
_MAX_WORD_BYTES = 2048

Item = TypeVar("Item")
Word = TypeVar("Word", bound=Enum)


@strawberry.input(description="A span of time, its start included, its end not. A bound not given is open.")
class DateTimeRange:
    gte: datetime | None = strawberry.field(default=None, description="At or after this moment.")
    lt: datetime | None = strawberry.field(default=None, description="Before this moment.")


@strawberry.input(
    description="All fields given must hold; null means absent; an empty list matches nothing; lists take at most 100 "
    "entries. A backend that cannot answer a filter is excluded and says so in `failures` (NOT_SUPPORTED): Rosetta "
    "answers backendIn, statusIn and annotationRequestIdIn, Scale all but annotationRequestIdIn."
)
class TaskFilter:
    backend_in: list[Backend] | None = strawberry.field(
        default=None, description="Only tasks of these backends; both where absent."
    )
    status_in: list[TaskStatus] | None = strawberry.field(
        default=None,
        description="Only tasks that stand so. Unfinished work everywhere: PENDING, IN_PROGRESS, IN_REVIEW, IN_QC.",
    )
    annotation_request_id_in: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Where Rosetta's part comes from, in this order; Rosetta has no list of all its tasks. Says "
        "nothing about Scale's part.",
    )
    project: str | None = strawberry.field(default=None, description="Scale: the name of the project, spelt as there.")
    batch: str | None = strawberry.field(default=None, description="Scale: the name of the batch, spelt as there.")
    type: str | None = strawberry.field(default=None, description="Scale: imageannotation, multistage and so on.")
    tag: str | None = strawberry.field(
        default=None, description="Scale: one tag. Whether several match any or all is undocumented."
    )
    unique_id_in: list[str] | None = strawberry.field(default=None, description="Scale: your own ids of tasks.")
    review_status_in: list[ReviewStatus] | None = strawberry.field(
        default=None, description="Scale: the customer's verdict. A task without one matches none."
    )
    created_at: DateTimeRange | None = strawberry.field(default=None, description="Scale: when it was created.")
    updated_at: DateTimeRange | None = strawberry.field(default=None, description="Scale: when it last changed.")
    completed_at: DateTimeRange | None = strawberry.field(default=None, description="Scale: when it was completed.")


@dataclass(frozen=True)
class Span:
    """A DateTimeRange with at least one bound."""

    gte: datetime | None
    lt: datetime | None

    @property
    def is_empty(self) -> bool:
        return self.gte is not None and self.lt is not None and self.gte >= self.lt

    def holds(self, moment: datetime | None) -> bool:
        """Whether the moment lies inside; a task without the time lies outside."""
        if moment is None:
            return False
        return (self.gte is None or moment >= self.gte) and (self.lt is None or moment < self.lt)


@dataclass(frozen=True, kw_only=True)
class TaskCriteria:
    """A filter, checked. None lets every task through; ids stand in the order asked for, each once."""

    backends: frozenset[Backend] = frozenset(Backend)
    statuses: frozenset[TaskStatus] | None = None
    annotation_request_ids: tuple[str, ...] | None = None
    project: str | None = None
    batch: str | None = None
    type: str | None = None
    tag: str | None = None
    unique_ids: tuple[str, ...] | None = None
    review_statuses: frozenset[ReviewStatus] | None = None
    created: Span | None = None
    updated: Span | None = None
    completed: Span | None = None

    @property
    def matches_nothing(self) -> bool:
        """Whether no task of any backend can match."""
        lists = (self.backends, self.statuses, self.unique_ids, self.review_statuses)
        spans = (self.created, self.updated, self.completed)
        return any(it is not None and not it for it in lists) or any(it is not None and it.is_empty for it in spans)

    @property
    def only_of_scale(self) -> tuple[str, ...]:
        """The names of the filters given that Rosetta cannot answer."""
        given = {
            "project": self.project,
            "batch": self.batch,
            "type": self.type,
            "tag": self.tag,
            "uniqueIdIn": self.unique_ids,
            "reviewStatusIn": self.review_statuses,
            "createdAt": self.created,
            "updatedAt": self.updated,
            "completedAt": self.completed,
        }
        return tuple(name for name, value in given.items() if value is not None)

    @property
    def fingerprint(self) -> str:
        """The same text for the same criteria, in every process."""
        text = json.dumps(asdict(self), default=_plain, sort_keys=True, ensure_ascii=True)
        return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


def to_criteria(given: TaskFilter | None) -> TaskCriteria:
    """The criteria. Raises GatewayError BAD_USER_INPUT, naming the field, for a filter that cannot be."""
    if given is None:
        return TaskCriteria()
    backends = _words(given.backend_in, "backendIn")
    request_ids = _items(given.annotation_request_id_in, "annotationRequestIdIn")
    unique_ids = _items(given.unique_id_in, "uniqueIdIn")
    return TaskCriteria(
        backends=frozenset(Backend) if backends is None else backends,
        statuses=_words(given.status_in, "statusIn"),
        annotation_request_ids=None
        if request_ids is None
        else tuple(annotation_request_id(it, "filter", "annotationRequestIdIn") for it in request_ids),
        project=_text(given.project, "project"),
        batch=_text(given.batch, "batch"),
        type=_text(given.type, "type"),
        tag=_text(given.tag, "tag"),
        unique_ids=None if unique_ids is None else tuple(unique_id(it, "filter", "uniqueIdIn") for it in unique_ids),
        review_statuses=_words(given.review_status_in, "reviewStatusIn"),
        created=_span(given.created_at),
        updated=_span(given.updated_at),
        completed=_span(given.completed_at),
    )


def _items(given: Sequence[Item] | None, name: str) -> tuple[Item, ...] | None:
    if given is None:
        return None
    if len(given) > MAX_LIST_ARGUMENT:
        raise bad_input(f"{name} takes at most {MAX_LIST_ARGUMENT} entries, not {len(given)}", "filter", name)
    return tuple(dict.fromkeys(given))


def _words(given: Sequence[Word] | None, name: str) -> frozenset[Word] | None:
    items = _items(given, name)
    return None if items is None else frozenset(items)


def _text(given: str | None, name: str) -> str | None:
    # An empty word on the wire may be read as no filter at all, and would then be ignored in silence.
    return None if given is None else customer_text(given, _MAX_WORD_BYTES, "filter", name)


def _span(given: DateTimeRange | None) -> Span | None:
    if given is None or (given.gte is None and given.lt is None):
        return None
    return Span(given.gte, given.lt)


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(item.name for item in value)
    if isinstance(value, datetime):
        return [format_datetime(value), value.microsecond]
    raise TypeError(f"a criterion of type {type(value).__name__}")
