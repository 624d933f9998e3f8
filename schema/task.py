"""Task: what clients see of one unit of labelling work, whichever backend holds it."""

import dataclasses
from datetime import datetime
from enum import Enum
from typing import Annotated, Protocol

import strawberry

from schema.backend import Backend
from schema.context import Info
from schema.errors import BackendError, BadInputError, TaskNotFoundError
from schema.node import Node
from schema.references import RosettaTaskReference, ScaleTaskReference, TaskReference
from schema.scalars import JSON, URL
from schema.status import BackendStatus, ReviewStatus, TaskAction, TaskStatus, allowed_actions

# Of the Context such a field looks at the caller's scopes alone.
_DEPENDS_ON_TASKS = {"depends_on_tasks": True}


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
    duration_seconds: int | None = strawberry.field(default=None, description="How long the review took.")
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


@strawberry.enum(description="What happened to a task.")
class TaskEventAction(Enum):
    CREATED = strawberry.enum_value("CREATED", description="The task came to be. Rosetta action 0.")
    DISTRIBUTED = strawberry.enum_value("DISTRIBUTED", description="Moved to a work pool. Rosetta action 5.")
    ACCEPTED = strawberry.enum_value("ACCEPTED", description="A worker picked it up. Rosetta action 13.")
    SUBMITTED = strawberry.enum_value("SUBMITTED", description="Annotation handed in. Rosetta action 7.")
    REVIEWED = strawberry.enum_value("REVIEWED", description="Review done. Rosetta action 8.")
    QC_CHECKED = strawberry.enum_value("QC_CHECKED", description="Quality checked. Rosetta action 9.")
    REJECTED = strawberry.enum_value("REJECTED", description="Sent back from sampling. Rosetta action 10.")
    RETURNED = strawberry.enum_value(
        "RETURNED", description="Sent back from review or from the completion pool. Rosetta actions 6 and 17."
    )
    RELEASED = strawberry.enum_value("RELEASED", description="Given back by its worker. Rosetta action 2.")
    PAUSED = strawberry.enum_value("PAUSED", description="Put on hold. Rosetta action 1.")
    RESUMED = strawberry.enum_value("RESUMED", description="Taken up again. Rosetta action 3.")
    DISSOLVED = strawberry.enum_value("DISSOLVED", description="Taken out of a sampling package. Rosetta action 14.")
    COMPLETED = strawberry.enum_value("COMPLETED", description="Finished. Scale's completion time.")
    AUDITED = strawberry.enum_value("AUDITED", description="Reviewed after completion. Scale's audits.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="An action the backend does not document.")


@strawberry.type(description="One thing that happened to a task.")
class TaskEvent:
    person: strawberry.Private[str | None]
    action: TaskEventAction = strawberry.field(description="What happened.")
    at: datetime | None = strawberry.field(default=None, description="When.")
    status: TaskStatus | None = strawberry.field(
        default=None, description="The status the backend noted beside it, where it did."
    )
    pool: str | None = strawberry.field(default=None, description="Rosetta: the pool's name.")

    @strawberry.field(
        description="Who did it. Personal data: null without the scope `people`.", metadata=_DEPENDS_ON_TASKS
    )
    def worker(self, info: Info) -> str | None:
        return self.person if info.context.sees_people else None


@strawberry.type(
    description="One unit of labelling work, whichever backend holds it. Fields that a backend does not have are null."
)
class Task(Node):
    record: strawberry.Private[TaskRecord]
    known_view_url: strawberry.Private[str | None] = None
    # A bulk read does not bring viewUrl: then it is read alone, when asked for.
    has_view_url: strawberry.Private[bool] = True
    # Its JSON by selection: part of this very object, never of one that replaces it.
    rendered: strawberry.Private[object] = dataclasses.field(init=False, default=None, repr=False, compare=False)

    id: strawberry.ID = strawberry.field(
        description="Opaque and stable, derived from the reference; accepted by `node`, `task(by: {id})` and every "
        "mutation."
    )
    reference: TaskReference = strawberry.field(description="What names the task in its backend.")
    status: TaskStatus = strawberry.field(description="Where the task stands, in one vocabulary for both backends.")
    backend_status: BackendStatus | None = strawberry.field(
        default=None,
        description="What the backend itself says. Null only where the status is derived from other facts: a Rosetta "
        "scene that its annotation request lists and that is no task (yet).",
    )
    type: str | None = strawberry.field(default=None, description="Scale: imageannotation, multistage and so on.")
    instruction: str | None = strawberry.field(default=None, description="Scale: what the workers read, Markdown.")
    project: str | None = strawberry.field(default=None, description="Scale: the project's name.")
    batch: str | None = strawberry.field(default=None, description="Scale: the batch's name.")
    priority: int | None = strawberry.field(default=None, description="Scale: 10, 20 or 30; higher goes first.")
    is_test: bool | None = strawberry.field(default=None, description="Scale: made with a test key.")
    tags: list[str] = strawberry.field(default_factory=list, description="Scale: at most 5. Empty where none.")
    unique_id: str | None = strawberry.field(default=None, description="Scale: your own id of the task.")
    callback_url: str | None = strawberry.field(
        default=None, description="Scale: where it reports to. May be an e-mail address."
    )
    callback_succeeded: bool | None = strawberry.field(
        default=None, description="Scale: whether the latest callback was accepted."
    )
    review_status: ReviewStatus | None = strawberry.field(
        default=None, description="Scale: the customer's verdict, independent of the status."
    )
    times_redone: int | None = strawberry.field(default=None, description="Scale: how often it was done again.")
    project_param_version: int | None = strawberry.field(
        default=None, description="Scale: version of the project's parameters."
    )
    audits: list[TaskAudit] = strawberry.field(default_factory=list, description="Scale: reviews of the finished work.")
    created_at: datetime | None = strawberry.field(default=None, description="When the task was created.")
    updated_at: datetime | None = strawberry.field(
        default=None, description="When it last changed; may move after completion."
    )
    completed_at: datetime | None = strawberry.field(default=None, description="When it was completed.")
    fetched_at: datetime = strawberry.field(description="When the gateway read this from the backend.")
    is_stale: bool = strawberry.field(
        default=False,
        description="Served past its freshness: it is being refreshed, or its backend is down.",
    )

    @strawberry.field(description="The backend the task lives in.")
    def backend(self) -> Backend:
        return self.reference.backend

    @strawberry.field(description="Scale: the task id. One of the reference's parts, flat, for simple clients.")
    def scale_task_id(self) -> strawberry.ID | None:
        return self.reference.task_id if isinstance(self.reference, ScaleTaskReference) else None

    @strawberry.field(description="Rosetta: the campaign's id.")
    def campaign_id(self) -> strawberry.ID | None:
        return self.reference.campaign_id if isinstance(self.reference, RosettaTaskReference) else None

    @strawberry.field(description="Rosetta: the annotation request's id.")
    def annotation_request_id(self) -> strawberry.ID | None:
        return self.reference.annotation_request_id if isinstance(self.reference, RosettaTaskReference) else None

    @strawberry.field(description="Rosetta: the scene's id.")
    def scene_id(self) -> strawberry.ID | None:
        return self.reference.scene_id if isinstance(self.reference, RosettaTaskReference) else None

    @strawberry.field(description="What a mutation may be expected to accept now. Empty for Rosetta.")
    def allowed_actions(self) -> list[TaskAction]:
        return list(allowed_actions(self.reference.backend, self.status))

    @strawberry.field(description="Rosetta: the page on which people see the task; opaque, as received.")
    async def view_url(self, info: Info) -> URL | None:
        if self.has_view_url:
            return None if self.known_view_url is None else URL(self.known_view_url)
        url = await info.context.tasks.load_view_url(self.reference)
        return None if url is None else URL(url)

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
        "null without the scope `people`. Of a Rosetta task read in bulk it is the row of /statistics.",
        metadata=_DEPENDS_ON_TASKS,
    )
    def raw(self, info: Info) -> JSON:
        return self.record.raw(with_people=info.context.sees_people)


TaskLookup = Annotated[
    Task | TaskNotFoundError | BadInputError | BackendError,
    strawberry.union("TaskLookup", description="One look-up's own outcome."),
]
