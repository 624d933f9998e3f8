"""Records made Tasks, and Tasks made again from kept bytes."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.exact_json import decode
from gateway.backends.rosetta.normalize import derived_task, restored_task, task_from_row, task_from_single
from gateway.backends.rosetta.statistics import parse_statistics_row
from schema.errors import ErrorCode, GatewayError
from schema.status import BackendStatus, TaskStatus
from schema.task import Task
from tests.fakes import rosetta
from tests.gateway.backends.rosetta.scripted import NOW

REFERENCE = rosetta("scene")
STATUSES = {
    0: (TaskStatus.FAILED, None),
    1: (TaskStatus.PENDING, "DISTRIBUTION"),
    2: (TaskStatus.PENDING, "ANNOTATION"),
    3: (TaskStatus.IN_PROGRESS, "ANNOTATION"),
    4: (TaskStatus.IN_PROGRESS, "ANNOTATION"),
    5: (TaskStatus.IN_REVIEW, "REVIEW"),
    6: (TaskStatus.IN_REVIEW, "REVIEW"),
    7: (TaskStatus.UNKNOWN, None),
    8: (TaskStatus.IN_QC, "SAMPLING"),
    9: (TaskStatus.IN_QC, "SAMPLING"),
    10: (TaskStatus.IN_QC, "SAMPLING"),
    11: (TaskStatus.COMPLETED, "COMPLETE"),
    12: (TaskStatus.UNKNOWN, None),
    13: (TaskStatus.UNKNOWN, None),
    14: (TaskStatus.UNKNOWN, None),
    15: (TaskStatus.UNKNOWN, None),
    16: (TaskStatus.COMPLETED, "COMPLETE"),
    17: (TaskStatus.DELIVERY_FAILED, "COMPLETE"),
    18: (TaskStatus.UNKNOWN, None),
    99: (TaskStatus.UNKNOWN, None),
    -1: (TaskStatus.UNKNOWN, None),
    10**20: (TaskStatus.UNKNOWN, None),
}


def single(record: dict[str, object], misfits: list[str] | None = None) -> Task:
    return task_from_single(REFERENCE, record, NOW, ([] if misfits is None else misfits).append)


def in_bulk(record: dict[str, object]) -> Task:
    row = parse_statistics_row(record, list[str]().append)
    assert row is not None
    return task_from_row(REFERENCE, row, NOW)


def raw(task: Task, *, with_people: bool = False) -> object:
    return task.record.raw(with_people=with_people)


@pytest.mark.parametrize("number", STATUSES)
def test_each_status_has_its_place(number: int) -> None:
    """Each number has one status of the schema and one pool, alone as in bulk, and is kept as received."""
    for task in (single({"status": number}), in_bulk({"id": 1, "status": number})):
        assert task.backend_status is not None
        assert (task.status, task.backend_status.pool) == STATUSES[number]
        assert task.backend_status.value == str(number)


def test_labels_are_our_words() -> None:
    """A documented status has its meaning as label, an undocumented one its number."""
    assert single({"status": 3}).backend_status == BackendStatus(
        value="3", label="annotation in progress", pool="ANNOTATION"
    )
    assert single({"status": 12}).backend_status == BackendStatus(value="12", label="12", pool=None)


@pytest.mark.parametrize(("status", "value"), [("3", "3"), ("03", "03"), ("99", "99"), ("-1", "-1")])
def test_status_as_text_of_digits_is_accepted(status: str, value: str) -> None:
    """A status that came as a text of digits counts, and stays as received."""
    task = single({"status": status})

    assert task.backend_status is not None
    assert task.backend_status.value == value
    assert task.status is STATUSES.get(int(status), (TaskStatus.UNKNOWN, None))[0]


@pytest.mark.parametrize("status", [None, True, 3.0, 3.5, "three", "", "3 ", "٣", [], {}, "9" * 5000])
def test_task_without_a_readable_status_is_a_bad_response(status: object) -> None:
    """A record whose status is no integer is no task: a bad response for that task."""
    with pytest.raises(GatewayError) as raised:
        single({"status": status, "viewUrl": "x"})

    assert raised.value.code is ErrorCode.BACKEND_BAD_RESPONSE


def test_view_url_is_verbatim() -> None:
    """The view URL is passed on as it came: one slash, a placeholder, 21 digits."""
    url = "https:/${domain}/rosetta-open/task/1001/466917967054114816904/viewOnly"
    task = single({"status": 3, "viewUrl": url})

    assert task.known_view_url == url
    assert task.has_view_url


def test_view_url_of_another_type_is_null_and_reported() -> None:
    """A view URL that is no text reads as null, is counted, and stays in the raw record."""
    misfits: list[str] = []
    task = single({"status": 3, "viewUrl": 7}, misfits)

    assert task.known_view_url is None
    assert misfits == ["viewUrl"]
    assert raw(task) == {"status": 3, "viewUrl": 7}


@pytest.mark.parametrize("levels", [100, 300, 1000])
def test_a_field_nested_too_deeply_is_null(levels: int) -> None:
    """What no later step could carry is null in the raw record, alone as in bulk, and counted."""
    misfits: list[str] = []
    deep = orjson.loads(b"[" * levels + b"]" * levels)
    row = parse_statistics_row({"id": 1, "status": 3, "instanceInfo": deep}, misfits.append)

    assert raw(single({"status": 3, "more": deep}, misfits)) == {"status": 3, "more": None}
    assert row is not None
    assert orjson.loads(row.body) == {"id": 1, "status": 3, "instanceInfo": None}
    assert misfits == ["instanceInfo", "more"]


def test_missing_view_url_is_no_misfit() -> None:
    """A record without a view URL is as good as one whose view URL is null."""
    misfits: list[str] = []

    assert single({"status": 0}, misfits).known_view_url is None
    assert single({"status": 0, "viewUrl": None}, misfits).known_view_url is None
    assert misfits == []


def test_long_integers_keep_every_digit() -> None:
    """Integers beyond 2^53 come out of the raw record as texts with all their digits (21 of them here)."""
    body = b'{"status": 3, "task": 466917967054114816904, "id": 466917967054114816, "small": 9007199254740992}'
    record: Any = decode(body)

    assert raw(single(record)) == {
        "status": 3,
        "task": "466917967054114816904",
        "id": "466917967054114816",
        "small": 9007199254740992,
    }


def test_rosetta_has_no_params_response_or_metadata() -> None:
    """What only Scale has is null, and metadata is empty."""
    record = single({"status": 3}).record

    metadata: object = record.metadata()
    assert (record.params(), record.response()) == (None, None)
    assert metadata == {}


def test_names_of_people_need_permission() -> None:
    """The name of a worker is null in the raw record, wherever it stands, unless people may be seen."""
    record = {"id": 1, "status": 3, "aliceName": "w", "nested": [{"aliceName": "v", "aliceNameList": ["u"]}]}
    task = in_bulk(record)

    assert raw(task, with_people=True) == record
    assert raw(task) == {
        "id": 1,
        "status": 3,
        "aliceName": None,
        "nested": [{"aliceName": None, "aliceNameList": None}],
    }


def test_bulk_and_derived_tasks_know_no_view_url() -> None:
    """Only a task that was read alone brings a view URL; the others say that they do not know."""
    bulk, derived = in_bulk({"id": 1, "status": 3}), derived_task(REFERENCE, TaskStatus.PENDING, NOW)

    assert (bulk.has_view_url, derived.has_view_url) == (False, False)
    assert derived.backend_status is None
    assert raw(derived) == {}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**24), 10**24) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
RECORDS = st.fixed_dictionaries(
    {"id": st.integers(1, 10**22), "status": st.integers(-5, 10**22)},
    optional={"viewUrl": JSON_VALUES, "aliceName": st.text(), "extra": JSON_VALUES},
)


@given(RECORDS)
def test_tasks_are_the_same_when_made_again(record: dict[str, object]) -> None:
    """From a record's bytes the same task comes back, with the same raw record, whatever road it came by."""
    for task in (single(record), in_bulk(record), derived_task(REFERENCE, TaskStatus.FAILED, NOW)):
        again = restored_task(REFERENCE, task.record.body, NOW)

        assert facts(again) == facts(task)
        assert again.record.body == task.record.body


def facts(task: Task) -> tuple[object, ...]:
    record = json.dumps(raw(task, with_people=True))
    return (
        task.reference,
        task.status,
        task.backend_status,
        task.known_view_url,
        task.has_view_url,
        task.fetched_at,
        record,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"from":"task","record":{}}',
        b'{"from":"row","record":{}}',
        b'{"from":"task","record":[]}',
        b'{"from":"derived","status":"NO_SUCH_STATUS","record":{}}',
        b'{"from":"elsewhere","record":{"status":3}}',
    ],
)
def test_other_bytes_are_refused(body: bytes) -> None:
    """Bytes that no record of ours has are a ValueError."""
    with pytest.raises(ValueError, match=r".*"):
        restored_task(REFERENCE, body, NOW)


def test_a_record_holds_its_bytes_and_nothing_else() -> None:
    """A kept record costs its bytes: it has no dictionary of its own."""
    record = single({"status": 3}).record

    assert not hasattr(record, "__dict__")
    assert orjson.loads(record.body) == {"from": "task", "record": {"status": 3}}
