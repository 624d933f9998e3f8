"""Filters held on our side: what a backend sends all the same is not passed on."""

from schema.filter import TaskCriteria
from schema.task import Task


def matches(task: Task, criteria: TaskCriteria) -> bool:
    """Whether a whole Scale task fulfils all criteria."""
    return (
        state_matches(task, criteria)
        and _is(task.batch, criteria.batch)
        and _is(task.type, criteria.type)
        and (criteria.tag is None or criteria.tag in task.tags)
        and (criteria.unique_ids is None or task.unique_id in criteria.unique_ids)
        and (criteria.review_statuses is None or task.review_status in criteria.review_statuses)
        and (criteria.created is None or criteria.created.holds(task.created_at))
        and (criteria.updated is None or criteria.updated.holds(task.updated_at))
        and (criteria.completed is None or criteria.completed.holds(task.completed_at))
    )


def state_matches(task: Task, criteria: TaskCriteria) -> bool:
    """Whether what a task's state tells fulfils the criteria."""
    return (criteria.statuses is None or task.status in criteria.statuses) and _is(task.project, criteria.project)


def _is(given: str | None, wanted: str | None) -> bool:
    return wanted is None or given == wanted
