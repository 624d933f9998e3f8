"""Rosetta's numbers for task status and history actions, in the vocabulary of the schema.

Source: the vendor's pages on tasks and on statistics. The numbers 7 and 12 to 15 are undocumented (12 meant today's
16 for two weeks), as are the actions 4, 11, 12, 15 and 16: they are UNKNOWN, with the number shown.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from schema.status import BackendStatus, TaskStatus
from schema.task import TaskEventAction


class _Meaning(NamedTuple):
    status: TaskStatus
    label: str
    pool: str | None


_STATUSES: Mapping[int, _Meaning] = MappingProxyType(
    {
        0: _Meaning(TaskStatus.FAILED, "task creation failed", None),
        1: _Meaning(TaskStatus.PENDING, "created", "DISTRIBUTION"),
        2: _Meaning(TaskStatus.PENDING, "waiting for annotation", "ANNOTATION"),
        3: _Meaning(TaskStatus.IN_PROGRESS, "annotation in progress", "ANNOTATION"),
        4: _Meaning(TaskStatus.IN_PROGRESS, "annotation done", "ANNOTATION"),
        5: _Meaning(TaskStatus.IN_REVIEW, "waiting for review", "REVIEW"),
        6: _Meaning(TaskStatus.IN_REVIEW, "review in progress", "REVIEW"),
        8: _Meaning(TaskStatus.IN_QC, "waiting for quality control", "SAMPLING"),
        9: _Meaning(TaskStatus.IN_QC, "quality control in progress", "SAMPLING"),
        10: _Meaning(TaskStatus.IN_QC, "quality control done, verdict open", "SAMPLING"),
        11: _Meaning(TaskStatus.COMPLETED, "labels approved", "COMPLETE"),
        16: _Meaning(TaskStatus.COMPLETED, "labels approved, output file made", "COMPLETE"),
        17: _Meaning(TaskStatus.DELIVERY_FAILED, "labels approved, output file could not be made", "COMPLETE"),
    }
)

_ACTIONS: Mapping[int, TaskEventAction] = MappingProxyType(
    {
        0: TaskEventAction.CREATED,
        1: TaskEventAction.PAUSED,
        2: TaskEventAction.RELEASED,
        3: TaskEventAction.RESUMED,
        5: TaskEventAction.DISTRIBUTED,
        6: TaskEventAction.RETURNED,
        7: TaskEventAction.SUBMITTED,
        8: TaskEventAction.REVIEWED,
        9: TaskEventAction.QC_CHECKED,
        10: TaskEventAction.REJECTED,
        13: TaskEventAction.ACCEPTED,
        14: TaskEventAction.DISSOLVED,
        17: TaskEventAction.RETURNED,
    }
)


def task_status(digits: str) -> tuple[TaskStatus, BackendStatus]:
    """Both forms of a status; `digits` is an integer as received, and stays readable where it is unknown."""
    meaning = _STATUSES.get(int(digits), _Meaning(TaskStatus.UNKNOWN, digits, None))
    return meaning.status, BackendStatus(value=digits, label=meaning.label, pool=meaning.pool)


def event_action(number: int) -> TaskEventAction:
    """What a history record's `actionType` says happened."""
    return _ACTIONS.get(number, TaskEventAction.UNKNOWN)
