"""Task: what clients see of one unit of labelling work, whichever backend holds it."""

import asyncio
import dataclasses
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol, cast

import strawberry

from schema.backend import Backend
from schema.context import Info
from schema.errors import BackendError, BadInputError, RequestTimeoutError, TaskNotFoundError
from schema.history import TaskEvent, TaskEventAction, completed_at, created_at, updated_at
from schema.node import Node
from schema.references import RosettaTaskReference, ScaleTaskReference, TaskReference, global_id
from schema.scalars import JSON, URL
from schema.status import BackendStatus, ReviewStatus, TaskAction, TaskStatus, allowed_actions

if TYPE_CHECKING:
    from schema.annotation_request import AnnotationRequest

__all__ = ["Task", "TaskAudit", "TaskEvent", "TaskEventAction", "TaskLookup", "TaskRecord"]

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
# Of the Context such a field looks at the caller's scopes alone.
_DEPENDS_ON_TASKS = {"depends_on_tasks": True}


def _told_at_once(name: str) -> dict[str, object]:
    """Marks a field that answers at once from the task alone, or with an awaitable."""

    def at_once(task: "Task") -> datetime | None:
        moment: datetime | None = getattr(task, name)
        if moment is None and not isinstance(task.reference, ScaleTaskReference):
            raise LookupError("the history has to be asked")
        return moment

    return {**_DEPENDS_ON_TASKS, "at_once": at_once}


class TaskRecord(Protocol):
    """The JSON that a backend sent for one task, kept as bytes until a field asks."""

    @property
    def body(self) -> bytes:
        """JSON from which the backend's folder makes the same Task again."""

    def raw(self, *, with_people: bool) -> JSON:
        """The record as received; names of people are null unless `with_people`."""

    def params(self) -> JSON | None: ...

    def response(self) -> JSON | None: ...

    def metadata(self) -> JSON: ...


@strawberry.type(description="One review of a finished Scale task.")
class TaskAudit:
    auditor: strawberry.Private[str | None]
    audited_at: datetime | None = strawberry.field(default=None, description="When it was reviewed.")
    duration_seconds: int | None = strawberry.field(default=None, description="How long the review took, in seconds.")
    result: str | None = strawberry.field(
        default=None, description="The verdict in Scale's word: accepted, fixed, rejected."
    )
    source: str | None = strawberry.field(default=None, description="Who reviewed: customer or scale.")
    comments: str | None = strawberry.field(default=None, description="What the reviewer wrote.")

    @strawberry.field(
        description="Who reviewed. Personal data: null without the scope `people`.", metadata=_DEPENDS_ON_TASKS
    )
    def audited_by(self, info: Info) -> str | None:
        return self.auditor if info.context.sees_people else None


def _own_id(self: "Task") -> strawberry.ID:
    return global_id(self.reference)


@strawberry.type(
    description="One unit of labelling work, whichever backend holds it. Fields that a backend does not have "
    "are null: a description that begins with a backend's name says that only this one has it. "
    "Cache it by `id`, which never changes."
)
class Task(Node):
    record: strawberry.Private[TaskRecord]
    known_view_url: strawberry.Private[str | None] = None
    # A bulk read does not bring viewUrl: then it is read alone, when asked for.
    has_view_url: strawberry.Private[bool] = True
    # What the record itself tells. Rosetta's tells nothing: there the fields of these names ask the history.
    created_at: strawberry.Private[datetime | None] = None
    updated_at: strawberry.Private[datetime | None] = None
    completed_at: strawberry.Private[datetime | None] = None
    # Its JSON by selection: part of this very object, never of one that replaces it.
    rendered: strawberry.Private[object] = dataclasses.field(init=False, default=None, repr=False, compare=False)

    # Made when it is asked for: a hundred bytes that a cached task need not keep.
    id: strawberry.ID = strawberry.field(
        resolver=_own_id,
        description="Opaque and stable, derived from the reference; accepted by `node`, `task(by: {id})` and every "
        "mutation.",
        metadata=_DEPENDS_ON_TASKS,
    )
    reference: TaskReference = strawberry.field(
        description="What names the task in its backend: the ids, typed by backend."
    )
    status: TaskStatus = strawberry.field(description="Where the task stands, in one vocabulary for both backends.")
    backend_status: BackendStatus | None = strawberry.field(
        default=None,
        description="What the backend itself says. Null only where the status is derived from other facts: a Rosetta "
        "scene that its annotation request lists and that is no task (yet).",
    )
    type: str | None = strawberry.field(default=None, description="Scale: imageannotation, multistage and so on.")
    instruction: str | None = strawberry.field(default=None, description="Scale: what the workers read, Markdown.")
    project: str | None = strawberry.field(default=None, description="Scale: the name of the project it belongs to.")
    batch: str | None = strawberry.field(default=None, description="Scale: the name of the batch it belongs to.")
    priority: int | None = strawberry.field(default=None, description="Scale: 10, 20 or 30; higher goes first.")
    is_test: bool | None = strawberry.field(default=None, description="Scale: made with a test key.")
    tags: Sequence[str] = strawberry.field(default=(), description="Scale: at most 5. Empty where none.")
    unique_id: str | None = strawberry.field(default=None, description="Scale: your own id of the task.")
    callback_url: str | None = strawberry.field(
        default=None, description="Scale: where it reports to. May be an e-mail address."
    )
    callback_succeeded: bool | None = strawberry.field(
        default=None, description="Scale: whether the latest callback was accepted."
    )
    review_status: ReviewStatus | None = strawberry.field(
        default=None,
        description="Scale: the customer's verdict, independent of the status; null where nobody reviewed it.",
    )
    times_redone: int | None = strawberry.field(
        default=None, description="Scale: how often it was sent back to be done again."
    )
    project_param_version: int | None = strawberry.field(
        default=None, description="Scale: version of the project's parameters."
    )
    audits: Sequence[TaskAudit] = strawberry.field(default=(), description="Scale: reviews of the finished work.")
    fetched_at: datetime = strawberry.field(
        description="When the gateway read this from the backend. It may have changed since: unfinished tasks "
        "are read anew after 10 seconds, settled ones after 5 minutes, unless the operator changed "
        "that."
    )
    is_stale: bool = strawberry.field(
        default=False,
        description="Served past its freshness: it is being refreshed, or its backend is down. Ask again in a "
        "moment, or with the header `Cache-Control: no-cache`, which waits for the backend and never "
        "gets a stale task.",
    )

    @strawberry.field(description="The vendor that holds the task.")
    def backend(self) -> Backend:
        return self.reference.backend

    @strawberry.field(description="Scale: the task id. One of the reference's parts, flat, for simple clients.")
    def scale_task_id(self) -> strawberry.ID | None:
        return self.reference.task_id if isinstance(self.reference, ScaleTaskReference) else None

    @strawberry.field(description="Rosetta: the first of the three ids that name it, chosen by you.")
    def campaign_id(self) -> strawberry.ID | None:
        return self.reference.campaign_id if isinstance(self.reference, RosettaTaskReference) else None

    @strawberry.field(description="Rosetta: the second of the three ids that name it, chosen by you.")
    def annotation_request_id(self) -> strawberry.ID | None:
        return self.reference.annotation_request_id if isinstance(self.reference, RosettaTaskReference) else None

    @strawberry.field(description="Rosetta: the third of the three ids that name it, chosen by you.")
    def scene_id(self) -> strawberry.ID | None:
        return self.reference.scene_id if isinstance(self.reference, RosettaTaskReference) else None

    @strawberry.field(
        description="What a mutation may be expected to accept now; the backend has the last word. Empty for Rosetta."
    )
    def allowed_actions(self) -> list[TaskAction]:
        return list(allowed_actions(self.reference.backend, self.status))

    @strawberry.field(
        description="Rosetta: the page on which people see the task; opaque, as received. Selecting it costs a "
        "call of its own for each task."
    )
    async def view_url(self, info: Info) -> URL | None:
        if self.has_view_url:
            return None if self.known_view_url is None else URL(self.known_view_url)
        url = await info.context.tasks.load_view_url(self.reference)
        return None if url is None else URL(url)

    @strawberry.field(
        name="createdAt",
        metadata=_told_at_once("created_at"),
        description="When the task was created. Rosetta's comes from its history, read only when selected.",
    )
    def created_at_field(self, info: Info) -> datetime | None:
        return self._moment(info, self.created_at, created_at)

    @strawberry.field(
        name="updatedAt",
        metadata=_told_at_once("updated_at"),
        description="When it last changed; may move after completion. Rosetta's comes from its history.",
    )
    def updated_at_field(self, info: Info) -> datetime | None:
        return self._moment(info, self.updated_at, updated_at)

    @strawberry.field(
        name="completedAt",
        metadata=_told_at_once("completed_at"),
        description="When it was completed. Rosetta's comes from its history: the last step written down before "
        "completion where completion itself is not.",
    )
    def completed_at_field(self, info: Info) -> datetime | None:
        return self._moment(info, self.completed_at, lambda events: completed_at(events, self.status))

    @strawberry.field(
        description="What happened, oldest first. Rosetta: its records, read once for all tasks of an annotation "
        "request; null where they cannot be told apart. Scale: what the task itself tells."
    )
    async def history(self, info: Info) -> list[TaskEvent] | None:
        if isinstance(self.reference, ScaleTaskReference):
            return _told_by_record(self)
        events = await info.context.requests.history(self.reference)
        return None if events is None else list(events)

    @strawberry.field(
        description="The same scene in the other backend: the Scale task whose unique id is the scene's id; the "
        "scene that a Scale task's metadata names, its unique id standing in for a missing scene id. Empty where "
        "there is none; null, with an entry in `errors`, where that backend fails."
    )
    async def counterparts(self, info: Info) -> list[Annotated["Task", strawberry.lazy("schema.task")]] | None:
        return list(await info.context.counterparts.load(self))

    @strawberry.field(description="Rosetta: the annotation request that the task's scene is of.")
    async def annotation_request(
        self, info: Info
    ) -> Annotated["AnnotationRequest", strawberry.lazy("schema.annotation_request")] | None:
        if isinstance(self.reference, ScaleTaskReference):
            return None
        return await info.context.requests.load(self.reference.annotation_request_id)

    def _moment(
        self, info: Info, known: datetime | None, of: Callable[[Sequence[TaskEvent]], datetime | None]
    ) -> datetime | None:
        """What the record tells, at once; else something that asks the history when GraphQL awaits it."""
        if known is not None or isinstance(self.reference, ScaleTaskReference):
            return known
        return cast("datetime | None", _ToldByHistory(info, self.reference, of))

    @strawberry.field(description="Scale: the parameters of the task's type.")
    def params(self) -> JSON | None:
        return self.record.params()

    @strawberry.field(description="Scale: the labels, or what went wrong; null until there is a result.")
    def response(self) -> JSON | None:
        return self.record.response()

    @strawberry.field(description="Your own data on the task; {} where none.")
    def metadata(self) -> JSON:
        return self.record.metadata()

    @strawberry.field(
        description="The backend's record as received: nothing is lost between it and you, but names of people are "
        "null without the scope `people`, and so are fields that nest deeper than 100 levels. "
        "Of a Rosetta task read in bulk it is the row of /statistics.",
        metadata=_DEPENDS_ON_TASKS,
    )
    def raw(self, info: Info) -> JSON:
        return self.record.raw(with_people=info.context.sees_people)


class _ToldByHistory:
    """A moment to be awaited. No coroutine: whoever finds that it cannot wait here may drop it."""

    def __init__(
        self, info: Info, reference: RosettaTaskReference, of: Callable[[Sequence[TaskEvent]], datetime | None]
    ) -> None:
        self._info = info
        self._reference = reference
        self._of = of

    def __await__(self) -> Generator[Any, None, datetime | None]:
        return self._ask().__await__()

    async def _ask(self) -> datetime | None:
        context = self._info.context
        try:
            # Whoever minds the operation's deadline for resolvers that wait takes this one for one that does not.
            async with asyncio.timeout_at(context.deadline) as bound:
                events = await context.requests.history(self._reference)
        except TimeoutError:
            if not bound.expired():
                raise
            raise RequestTimeoutError from None
        return None if events is None else self._of(events)


def _told_by_record(task: Task) -> list[TaskEvent]:
    """Creation, completion and reviews of a Scale task; what has no time comes last."""
    events = [
        TaskEvent(person=audit.auditor, action=TaskEventAction.AUDITED, at=audit.audited_at) for audit in task.audits
    ]
    if task.created_at is not None:
        events.append(TaskEvent(person=None, action=TaskEventAction.CREATED, at=task.created_at))
    if task.completed_at is not None:
        done = TaskStatus.COMPLETED
        events.append(TaskEvent(person=None, action=TaskEventAction.COMPLETED, at=task.completed_at, status=done))
    return sorted(events, key=lambda event: event.at or _END_OF_TIME)


TaskLookup = Annotated[
    Task | TaskNotFoundError | BadInputError | BackendError,
    strawberry.union(
        "TaskLookup",
        description="One look-up's own outcome: the task, or the reason why there is none. Select `... on "
        "TaskError { code message retryable }` for all errors at once.",
    ),
]
