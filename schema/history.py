"""What happened to a task, and the times that follow from it."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import strawberry

from schema.context import Info
from schema.status import TaskStatus


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
    action: TaskEventAction = strawberry.field(description="What happened, in one vocabulary for both backends.")
    at: datetime | None = strawberry.field(
        default=None,
        description="When it happened. Rosetta's times come without a zone: the operator's setting says which it is.",
    )
    status: TaskStatus | None = strawberry.field(
        default=None, description="The status the backend noted beside it, where it did."
    )
    pool: str | None = strawberry.field(default=None, description="Rosetta: the pool's name.")

    @strawberry.field(
        description="Who did it. Personal data: null without the scope `people`.", metadata={"depends_on_tasks": True}
    )
    def worker(self, info: Info) -> str | None:
        return self.person if info.context.sees_people else None


_DONE = (TaskStatus.COMPLETED, TaskStatus.DELIVERY_FAILED)


def created_at(events: Sequence[TaskEvent]) -> datetime | None:
    """When the task came to be. `events` are oldest first, here and below."""
    return next((event.at for event in events if event.action is TaskEventAction.CREATED), None)


def updated_at(events: Sequence[TaskEvent]) -> datetime | None:
    """When the newest thing happened."""
    return max((event.at for event in events if event.at is not None), default=None)


def completed_at(events: Sequence[TaskEvent], status: TaskStatus) -> datetime | None:
    """When the task of this present status was completed; None where it is not.

    Rosetta writes no record when labels are approved: then it is the step before, the newest that is written down.
    """
    if status not in _DONE:
        return None
    completed = None
    for event in reversed(events):
        if event.status not in _DONE:
            break
        completed = event.at
    return completed or updated_at(events)
