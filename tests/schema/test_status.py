"""What each state allows."""

import pytest

from schema.backend import Backend
from schema.status import TaskAction, TaskStatus, allowed_actions

CANCEL, METADATA, TAG, UNIQUE_ID, REVIEW = (
    TaskAction.CANCEL,
    TaskAction.SET_METADATA,
    TaskAction.TAG,
    TaskAction.SET_UNIQUE_ID,
    TaskAction.REVIEW,
)


@pytest.mark.parametrize("status", list(TaskStatus))
def test_rosetta_allows_nothing(status: TaskStatus) -> None:
    """Rosetta has no write on a task."""
    assert allowed_actions(Backend.ROSETTA, status) == ()


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        (TaskStatus.PENDING, {CANCEL, METADATA, TAG, UNIQUE_ID}),
        (TaskStatus.UNKNOWN, {CANCEL, METADATA, TAG, UNIQUE_ID}),
        (TaskStatus.COMPLETED, {METADATA, TAG, UNIQUE_ID, REVIEW}),
        (TaskStatus.CANCELED, {METADATA, TAG, UNIQUE_ID}),
        (TaskStatus.FAILED, {METADATA, TAG, UNIQUE_ID}),
    ],
)
def test_scale_by_status(status: TaskStatus, actions: set[TaskAction]) -> None:
    """Scale's actions depend on where the task stands."""
    assert set(allowed_actions(Backend.SCALE, status)) == actions
