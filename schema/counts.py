"""How many tasks there are."""

from collections.abc import Mapping

import strawberry

from schema.backend import Backend
from schema.errors import BackendFailure
from schema.status import TaskStatus


@strawberry.type(description="How many tasks stand so.")
class TaskStatusCount:
    status: TaskStatus = strawberry.field(description="Where these tasks stand.")
    count: int = strawberry.field(description="How many tasks have it; at least 1.")


@strawberry.type(description="How many tasks one backend has.")
class TaskCounts:
    backend: Backend = strawberry.field(description="The backend that these counts are of.")
    total: int | None = strawberry.field(
        default=None, description="All tasks that match; null where that is unknown, never 0 for unknown."
    )
    by_status: list[TaskStatusCount] = strawberry.field(
        default_factory=list, description="Those that match by status; a status that no task has is left out."
    )
    failure: BackendFailure | None = strawberry.field(
        default=None, description="What could not be counted, and why; null: the counts are whole."
    )


def status_counts(counts: Mapping[TaskStatus, int]) -> list[TaskStatusCount]:
    """The counts in the order of the statuses, those of no task left out."""
    return [TaskStatusCount(status=status, count=counts[status]) for status in TaskStatus if counts.get(status)]
