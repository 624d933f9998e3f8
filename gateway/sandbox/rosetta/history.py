"""History records: who did what to a task, and how many labels it held then."""

from datetime import datetime

from gateway.sandbox.rosetta.records import HistoryRecord, SceneTask
from gateway.sandbox.rosetta.vocabulary import Action

WORKERS = ("wei.zhang", "mei.lin", "alice.chen", "bo.sun", "yuki.tanaka", "lena.fischer", "道明")
"""Made-up names; a real `aliceName` is personal data."""

SYSTEM = "system"
ATTRIBUTES_PER_INSTANCE = 3


def next_record(task: SceneTask, record_id: int, action: Action, worker: str | None, at: datetime) -> HistoryRecord:
    """The record of an action on a task that already has its new status; annotating adds the labels."""
    modified: dict[str, int] = {}
    if action is Action.SUBMIT:
        modified = _labels(task)
        task.instance_info = modified
        task.attribute_count = sum(modified.values()) * ATTRIBUTES_PER_INSTANCE
    return HistoryRecord(
        record_id=record_id,
        action=action,
        status=task.status,
        pool=task.pool,
        worker=_worker(task, action) if worker is None else worker,
        at=at,
        instance_info=modified,
        instance_sum=sum((task.instance_info or {}).values()),
        attribute_sum=task.attribute_count,
    )


def _labels(task: SceneTask) -> dict[str, int]:
    """As many labels as the task's id says, so that they stay the same from run to run."""
    number = task.task_id // 3
    return {"car": number % 17 + 1, "pedestrian": number % 5, "traffic-sign": number % 3}


def _worker(task: SceneTask, action: Action) -> str:
    if action in (Action.INITIALIZATION, Action.DISTRIBUTE):
        return SYSTEM
    return WORKERS[(task.task_id // 3 + len(task.history) // 2) % len(WORKERS)]
