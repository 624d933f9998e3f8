"""Filters held on our side: what a backend sends all the same is not passed on.

Every query sends project, batch, type and the spans of time. A record may lack these fields, as only its id and status
can be relied on: then the backend's own filter has decided. A tag, a unique id, a review status, or the completion of
an unfinished task that is missing from a record is one that there is not.
"""

from datetime import datetime

from schema.filter import Span, TaskCriteria
from schema.status import TaskStatus
from schema.task import Task


def matches(task: Task, criteria: TaskCriteria) -> bool:
    """Whether a whole Scale task fulfils all criteria."""
    return (
        state_matches(task, criteria)
        and _may_be(task.batch, criteria.batch)
        and _may_be(task.type, criteria.type)
        and (criteria.tag is None or criteria.tag in task.tags)
        and (criteria.unique_ids is None or task.unique_id in criteria.unique_ids)
        and (criteria.review_statuses is None or task.review_status in criteria.review_statuses)
        and _may_lie_in(task.created_at, criteria.created)
        and _may_lie_in(task.updated_at, criteria.updated)
        and _completion_fits(task, criteria.completed)
    )


def state_matches(task: Task, criteria: TaskCriteria) -> bool:
    """Whether what a task's state tells fulfils the criteria."""
    return (criteria.statuses is None or task.status in criteria.statuses) and _may_be(task.project, criteria.project)


def _may_be(given: str | None, wanted: str | None) -> bool:
    return wanted is None or given is None or given == wanted


def _may_lie_in(given: datetime | None, wanted: Span | None) -> bool:
    return wanted is None or given is None or wanted.holds(given)


def _completion_fits(task: Task, wanted: Span | None) -> bool:
    if wanted is None or task.completed_at is not None:
        return _may_lie_in(task.completed_at, wanted)
    return task.status is TaskStatus.COMPLETED
