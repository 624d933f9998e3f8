"""From records to tasks."""

import json
import tracemalloc
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.exact_json import decode
from gateway.backends.scale.normalize import UnusableRecordError, reference_of, task_of_body, to_task
from schema.scalars import JSON
from schema.status import ReviewStatus, TaskStatus
from schema.task import Task
from tests.fakes import scale
from tests.gateway.backends.scale.scripted import NOW, TASK_ID, recorded
from tests.gateway.backends.test_exact_json import TEXT, VALUES

FIELDS = (
    "type",
    "instruction",
    "project",
    "batch",
    "params",
    "metadata",
    "tags",
    "unique_id",
    "callback_url",
    "callback_completed",
    "callback_succeeded",
    "callback_succeeded_at",
    "customer_review_status",
    "times_redone",
    "project_param_version",
    "priority",
    "is_test",
    "audits",
    "created_at",
    "updated_at",
    "completed_at",
    "response",
)


def normalized(body: bytes) -> tuple[Task, list[str]]:
    """The task of a record, and the fields that did not fit."""
    misfits: list[str] = []
    task = task_of_body(scale(TASK_ID), body, fetched_at=NOW, misfit=misfits.append)
    return task, misfits


def test_a_completed_task() -> None:
    """Every documented field arrives in its own type."""
    task, misfits = normalized(recorded("completed"))

    assert misfits == []
    assert task == Task(
        record=task.record,
        reference=scale(TASK_ID),
        status=TaskStatus.COMPLETED,
        backend_status=task.backend_status,
        type="imageannotation",
        instruction="Draw a box around each **baby cow** and big cow.",
        project="cows",
        batch="cows-1",
        priority=20,
        is_test=False,
        tags=("farm", "June"),
        unique_id="s3://b/f.png",
        callback_url="http://www.example.com/callback",
        callback_succeeded=True,
        review_status=ReviewStatus.ACCEPTED,
        times_redone=1,
        project_param_version=3,
        created_at=datetime(2016, 6, 25, 2, 18, 4, 248000, tzinfo=UTC),
        updated_at=datetime(2016, 6, 25, 4, 9, 42, 101000, tzinfo=UTC),
        completed_at=datetime(2016, 6, 25, 4, 9, 42, 100000, tzinfo=UTC),
        fetched_at=NOW,
    )
    assert task.record.body == recorded("completed")


@pytest.mark.parametrize(
    ("name", "status", "word"),
    [
        ("pending", TaskStatus.PENDING, "pending"),
        ("completed", TaskStatus.COMPLETED, "completed"),
        ("canceled", TaskStatus.CANCELED, "canceled"),
        ("error_frames", TaskStatus.FAILED, "error"),
        ("error_attachments", TaskStatus.FAILED, "error"),
        ("unknown_word", TaskStatus.UNKNOWN, "recalled"),
    ],
)
def test_status(name: str, status: TaskStatus, word: str) -> None:
    """Scale's word becomes a status, and stays readable, documented or not."""
    task, misfits = normalized(recorded(name))

    assert task.status is status
    assert task.backend_status is not None
    assert (task.backend_status.value, task.backend_status.pool) == (word, None)
    assert task.backend_status.label == word if status is TaskStatus.UNKNOWN else task.backend_status.label != word
    assert misfits == []


@pytest.mark.parametrize("word", ["", "deleted", "in_progress", "Pending", "cancelled", "車両"])
def test_words_that_scale_does_not_document(word: str) -> None:
    """A word is matched exactly; words of dashboards, batches and version 2 are unknown."""
    task, _ = normalized(orjson.dumps({"task_id": TASK_ID, "status": word}))

    assert task.status is TaskStatus.UNKNOWN
    assert task.backend_status is not None
    assert (task.backend_status.value, task.backend_status.label) == (word, word)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", ReviewStatus.PENDING),
        ("accepted", ReviewStatus.ACCEPTED),
        ("fixed", ReviewStatus.FIXED),
        ("commented", ReviewStatus.COMMENTED),
        ("rejected", ReviewStatus.REJECTED),
        ("disputed", ReviewStatus.UNKNOWN),
        (None, None),
    ],
)
def test_review_status(word: str | None, status: ReviewStatus | None) -> None:
    """The customer's verdict is an axis of its own."""
    task, misfits = normalized(
        orjson.dumps({"task_id": TASK_ID, "status": "completed", "customer_review_status": word})
    )

    assert task.review_status is status
    assert misfits == []


@pytest.mark.parametrize("name", ["bare", "null_fields", "limited", "empty_fields"])
def test_missing_null_and_empty_are_alike(name: str) -> None:
    """What is missing, null or empty is null or empty, and no misfit."""
    task, misfits = normalized(recorded(name))

    assert (task.tags, task.audits, task.unique_id) == ((), (), None)
    assert (task.completed_at, task.priority, task.review_status, task.callback_succeeded) == (None, None, None, None)
    assert misfits == []


def test_fields_that_do_not_fit() -> None:
    """Each is null or empty and reported by its name; the others stand."""
    task, misfits = normalized(recorded("mistyped"))

    assert task.status is TaskStatus.PENDING
    assert task.tags == ("good",)
    assert [(audit.auditor, audit.audited_at, audit.duration_seconds) for audit in task.audits] == [(None, None, None)]
    others = {"params", "metadata", "tags", "audits", "response", "customer_review_status"}
    renamed = {name for name in FIELDS if name.startswith("callback_") and name != "callback_url"}
    nulls = [*(set(FIELDS) - others - renamed), "callback_succeeded", "review_status"]
    assert {name: getattr(task, name) for name in nulls} == dict.fromkeys(nulls)
    expected = [name for name in FIELDS if name in json.loads(recorded("mistyped"))]
    audits = ["audits.audited_by", "audits.audited_at", "audits.audit_time_secs"]
    assert sorted(misfits) == sorted([*expected, *audits])


@pytest.mark.parametrize(
    ("record", "succeeded"),
    [
        ({"callback_completed": True}, True),
        ({"callback_completed": False}, False),
        ({"callback_succeeded": True}, True),
        ({"callback_succeeded": False}, False),
        ({"callback_completed": None, "callback_succeeded": True}, True),
        ({"callback_succeeded_at": "2016-06-25T04:10:00.000Z"}, True),
        ({"callback_completed_at": "2016-06-25T04:10:00.000Z"}, True),
        ({"callback_succeeded_at": None}, None),
        ({}, None),
    ],
)
def test_callback_under_its_four_names(record: dict[str, object], succeeded: bool | None) -> None:
    """Whichever name Scale uses tells whether the callback was accepted."""
    task, misfits = normalized(orjson.dumps({"task_id": TASK_ID, "status": "completed", **record}))

    assert task.callback_succeeded is succeeded
    assert misfits == []


def test_recorded_callbacks() -> None:
    """The records with older names, and with an e-mail address, read as the newest form does."""
    assert normalized(recorded("callback_succeeded"))[0].callback_succeeded is False
    assert normalized(recorded("callback_succeeded_at"))[0].callback_succeeded is True
    assert normalized(recorded("email_callback"))[0].callback_url == "labels@example.com"


def test_audits() -> None:
    """Reviews arrive in their order with the name kept aside."""
    task, misfits = normalized(recorded("audited"))

    first, second = task.audits
    assert (first.auditor, first.result, first.source, first.duration_seconds, first.comments) == (
        "jane@example.com",
        "fixed",
        "customer",
        120,
        None,
    )
    assert first.audited_at == datetime(2016, 6, 26, tzinfo=UTC)
    assert second.comments == "as joe said"
    assert misfits == []


def test_times_of_every_iso_form() -> None:
    """A date is its midnight, an offset is converted, no zone means UTC; all are in UTC."""
    task, misfits = normalized(recorded("times"))

    assert task.created_at == datetime(2016, 6, 25, tzinfo=UTC)
    assert task.updated_at == datetime(2016, 6, 25, 2, 18, 4, 248000, tzinfo=UTC)
    assert task.completed_at == datetime(2016, 6, 25, 2, 18, 4, tzinfo=UTC)
    assert {it.tzinfo for it in (task.created_at, task.updated_at, task.completed_at)} == {UTC}
    assert misfits == []


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("2147483647", 2147483647),
        ("-2147483648", -2147483648),
        ("2147483648", None),
        ("466917967054114816904", None),
        ("12.0", 12),
        ("12.5", None),
        ("1e400", None),
        ("true", None),
        ('"12"', None),
    ],
)
def test_integers_fit_graphql(number: str, read: int | None) -> None:
    """An integer beyond 32 bits, a fraction and anything else is null, and reported."""
    task, misfits = normalized(f'{{"task_id":"{TASK_ID}","status":"pending","times_redone":{number}}}'.encode())

    assert task.times_redone == read
    assert misfits == ([] if read is not None else ["times_redone"])


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x", "\ud800", 5, {}])
def test_times_that_are_none(moment: object) -> None:
    """A time outside the calendar is as little a time as other nonsense."""
    body = json.dumps({"task_id": TASK_ID, "status": "pending", "created_at": moment}).encode()

    task, misfits = normalized(body)

    assert task.created_at is None
    assert misfits == ["created_at"]


def test_lone_surrogates_can_be_answered() -> None:
    """A text that UTF-8 cannot hold shows U+FFFD, so that the answer can be written; the body is kept as received."""
    body = rb'{"task_id":"%s","status":"\ud800","tags":["\udfff"],"metadata":{"\ud800":"\ud800"}}' % TASK_ID.encode()

    task, misfits = normalized(body)

    assert task.backend_status is not None
    assert (task.backend_status.value, task.tags) == ("\ufffd", ("\ufffd",))
    assert task.record.metadata() == JSON({"\ufffd": "\ufffd"})
    assert orjson.dumps([task.tags, task.record.raw(with_people=True)])
    assert task.record.body == body
    assert misfits == []


@pytest.mark.parametrize(
    "body",
    [
        b"OK",
        b"[]",
        b"null",
        b'"text"',
        b'{"status":"pending"}',
        b'{"task_id":"other","status":"pending"}',
        b'{"task_id":"5774cc78b01249ab09f089dd"}',
        b'{"task_id":"5774cc78b01249ab09f089dd","status":null}',
        b'{"task_id":"5774cc78b01249ab09f089dd","status":3}',
    ],
)
def test_bodies_that_are_no_record_of_the_task(body: bytes) -> None:
    """No JSON, no object, another task, or no status: ValueError."""
    with pytest.raises(ValueError, match=r"record|JSON"):
        normalized(body)


@pytest.mark.parametrize("task_id", [None, "", 5, "../x", "a/b", "a" * 129, "車両"])
def test_ids_that_name_no_task(task_id: object) -> None:
    """A record whose id could not be asked for again is unusable."""
    with pytest.raises(UnusableRecordError):
        reference_of({"task_id": task_id, "status": "pending"})


RECORDS = st.dictionaries(st.sampled_from(FIELDS) | TEXT, VALUES, max_size=8)


@given(RECORDS, st.text())
def test_any_record_normalizes(fields: dict[str, object], status: str) -> None:
    """Whatever the other fields hold, a record with id and status is a task, and `raw` has all of it."""
    record = {**fields, "task_id": TASK_ID, "status": status}
    body = json.dumps(record).encode()

    task, _ = normalized(body)

    raw = task.record.raw(with_people=True)
    assert isinstance(raw, dict)
    assert list(raw) == list(record)
    assert _as_clients_see(record) == _as_clients_see({**raw, "status": status})
    assert orjson.dumps([task.record.raw(with_people=False), task.record.params(), task.record.metadata(), task.tags])


def _as_clients_see(value: object) -> object:
    """`value` as clients see it, by a second and slower way."""
    if isinstance(value, dict):
        return {key: _as_clients_see(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_clients_see(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53 else value


def test_a_cached_task_is_small() -> None:
    """A task whose record has 1 KB takes at most 2 KB beside what all tasks share."""
    body = recorded("completed").replace(b'"response": {', b'"response": {"text": "' + b"x" * 40 + b'",')
    record = orjson.loads(body)
    bodies = [orjson.dumps({**record, "task_id": f"5774cc78b01249ab09f0{i:04x}"}) for i in range(500)]
    size = len(bodies[0])
    assert 800 < size < 1100

    tracemalloc.start()
    tasks = [_page_task(bytes(bytearray(body))) for body in bodies]
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert used / len(tasks) < size + 1080


def _page_task(body: bytes) -> Task:
    values = decode(body)
    assert isinstance(values, dict)
    return to_task(reference_of(values), values, body, fetched_at=NOW, misfit=lambda field: None)
