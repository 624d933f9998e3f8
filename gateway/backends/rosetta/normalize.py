"""Records of Rosetta made Tasks, and back from the bytes that a cache kept.

A Task comes from one of three sources: POST /task/get ("task"), a row of GET /statistics ("row"), or, for a scene that
is no task (yet), what its annotation request says ("derived"). The kept bytes name the source, so that the same Task
can be made again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import orjson

from gateway.backends.base import UnusableRecordError
from gateway.backends.nesting import fitted_for_clients
from gateway.backends.rosetta.fields import Fields, Misfit
from gateway.backends.rosetta.statistics import StatisticsRow
from gateway.backends.rosetta.statuses import task_status
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import RosettaTaskReference
from schema.scalars import JSON
from schema.status import TaskStatus
from schema.task import Task

_TASK: Final = "task"
_ROW: Final = "row"
_PEOPLE = frozenset({"aliceName", "aliceNameList"})


class RosettaRecord:
    """The record of one task as bytes: {"from": source, "record": as received}; a derived one has its status too.

    Integers beyond 2^53 are texts in it, so none of their digits is lost on the way.
    """

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    @property
    def body(self) -> bytes:
        return self._body

    def raw(self, *, with_people: bool) -> JSON:
        """As received: `data` of POST /task/get, a row of GET /statistics, or {} for a derived task."""
        record = orjson.loads(self._body)["record"]
        return JSON(record if with_people else _without_people(record))

    def params(self) -> JSON | None:
        return None

    def response(self) -> JSON | None:
        return None

    def metadata(self) -> JSON:
        return JSON({})


def task_from_single(
    reference: RosettaTaskReference, record: Mapping[str, object], fetched_at: datetime, misfit: Misfit
) -> Task:
    """The Task of POST /task/get's `data`. Raises GatewayError BACKEND_BAD_RESPONSE for one without a status."""
    fields = Fields(record, misfit)
    digits = fields.integer_text("status")
    if digits is None:
        raise _no_status()
    status, backend_status = task_status(digits)
    return Task(
        reference=reference,
        status=status,
        backend_status=backend_status,
        known_view_url=fields.text("viewUrl"),
        fetched_at=fetched_at,
        record=_record(_TASK, fitted_for_clients(record, misfit)),
    )


def task_from_row(reference: RosettaTaskReference, row: StatisticsRow, fetched_at: datetime) -> Task:
    """The Task of a row of GET /statistics. Raises GatewayError BACKEND_BAD_RESPONSE for one without a status."""
    if row.status is None:
        raise _no_status()
    return Task(
        reference=reference,
        status=row.status,
        backend_status=row.backend_status,
        has_view_url=False,
        fetched_at=fetched_at,
        record=_record(_ROW, row.body),
    )


def derived_task(reference: RosettaTaskReference, status: TaskStatus, fetched_at: datetime) -> Task:
    """The Task of a scene that only its annotation request knows."""
    return Task(
        reference=reference,
        status=status,
        has_view_url=False,
        fetched_at=fetched_at,
        record=RosettaRecord(b'{"from":"derived","status":"%b","record":{}}' % status.name.encode()),
    )


def restored_task(reference: RosettaTaskReference, body: bytes, fetched_at: datetime) -> Task:
    """The Task whose record's body was kept. Raises ValueError for bytes that no record of this module has."""
    match orjson.loads(body):
        case {"from": "task", "record": dict(record)}:
            return _restored_single(reference, record, fetched_at)
        case {"from": "row", "record": dict(record)}:
            return _restored_row(reference, record, fetched_at)
        case {"from": "derived", "status": str(name), "record": {}} if name in TaskStatus.__members__:
            return derived_task(reference, TaskStatus[name], fetched_at)
        case _:
            raise ValueError("these bytes are no record of a Rosetta task")


def _restored_single(reference: RosettaTaskReference, record: dict[str, object], fetched_at: datetime) -> Task:
    try:
        return task_from_single(reference, record, fetched_at, _already_reported)
    except GatewayError as error:
        raise ValueError(error.message) from error


def _restored_row(reference: RosettaTaskReference, record: dict[str, object], fetched_at: datetime) -> Task:
    digits = Fields(record, _already_reported).integer_text("status")
    if digits is None:
        raise ValueError("a row without a status")
    status, backend_status = task_status(digits)
    row = StatisticsRow(task_id="", status=status, backend_status=backend_status, body=orjson.dumps(record))
    return task_from_row(reference, row, fetched_at)


def _already_reported(field: str) -> None:
    """Nothing: what does not fit was reported when the record arrived."""


def _record(source: str, body: bytes) -> RosettaRecord:
    return RosettaRecord(b'{"from":"%b","record":%b}' % (source.encode(), body))


def _without_people(value: object) -> object:
    if isinstance(value, dict):
        return {key: None if key in _PEOPLE else _without_people(item) for key, item in value.items()}
    return [_without_people(item) for item in value] if isinstance(value, list) else value


def _no_status() -> GatewayError:
    message = f"{Backend.ROSETTA.name} sent a task without a readable status"
    return UnusableRecordError(ErrorCode.BACKEND_BAD_RESPONSE, message, backend=Backend.ROSETTA)
