"""Tasks made of states: what Scale's light records tell, for selections that need no more. They are never kept."""

from datetime import datetime

import orjson

from gateway.backends.scale import TaskState
from schema.scalars import JSON
from schema.task import Task


class StateRecord:
    """Stands for a record of which only the metadata was read."""

    def __init__(self, metadata: JSON) -> None:
        self._metadata = metadata

    @property
    def body(self) -> bytes:
        return orjson.dumps({"metadata": self._metadata})

    def raw(self, *, with_people: bool) -> JSON:
        return JSON({"metadata": self._metadata})

    def params(self) -> JSON | None:
        return None

    def response(self) -> JSON | None:
        return None

    def metadata(self) -> JSON:
        return self._metadata


def task_of_state(state: TaskState, fetched_at: datetime) -> Task:
    """The task as far as its state tells: enough for the fields of `Wanted.only_states`, and for no other."""
    return Task(
        reference=state.reference,
        status=state.status,
        backend_status=state.backend_status,
        project=state.project,
        record=StateRecord(state.metadata),
        fetched_at=fetched_at,
    )
