"""Pages of tasks, projects and batches."""

import json

import httpx
import pytest

from gateway.backends.scale import (
    BatchQuery,
    BatchStatus,
    RefusedQueryError,
    ScaleBatch,
    ScaleProject,
    TaskQuery,
    TaskState,
)
from gateway.export.rows import Format, lines
from schema.errors import ErrorCode, GatewayError
from schema.scalars import JSON
from schema.status import TaskStatus
from tests.fakes import scale
from tests.gateway.backends.scale.scripted import TASK_ID, ScriptedScale, answering, page, record, recorded

pytestmark = pytest.mark.anyio


async def test_a_page_of_tasks() -> None:
    """Whole tasks with their own records; what has no usable id or status is left out and counted."""
    api = answering(200, recorded("page"))

    got = await api.client.list_tasks(TaskQuery(project="cows & co", limit=5))

    assert api.targets == ["GET /v1/tasks?project=cows%20%26%20co&limit=5&include_attachment_url=false"]
    assert [task.reference for task in got.tasks] == [scale(f"5774cc78b01249ab09f0000{i}") for i in (3, 2, 0)]
    assert (got.total, got.next_token, got.skipped) == (212, "eyJ0YXNrX2lkIjoiNWY", 4)
    assert got.skipped_unique_ids == {"b"}
    docs = json.loads(recorded("page"))["docs"]
    assert [task.record.raw(with_people=True) for task in got.tasks] == [docs[0], docs[1], docs[6]]


async def test_records_of_a_page_restore() -> None:
    """Each task's body makes the same task again, large integers and lone surrogates included."""
    docs = [json.loads(recorded(name)) for name in ("big_integers", "audited", "extra_fields")]
    docs.append({**record("t"), "metadata": {"x": "\ud800"}})
    api = ScriptedScale(lambda request: page(*docs))

    got = await api.client.list_tasks(TaskQuery())

    assert len(got.tasks) == 4
    for task in got.tasks:
        restored = api.client.restore(task.reference, task.record.body, task.fetched_at)
        assert {**vars(restored), "record": None} == {**vars(task), "record": None}
    assert got.tasks[0].record.params() == JSON(
        {"scene": "466917967054114816904", "below_zero": "-466917967054114816904"}
    )
    assert got.tasks[3].record.metadata() == JSON({"x": "\ufffd"})


@pytest.mark.parametrize("levels", [100, 300, 980, 1010, 5000])
async def test_a_field_nested_too_deeply_is_null(levels: int) -> None:
    """No step behind could carry it: it is null and counted, its task and its page stand and can be exported."""
    deep = b"[" * levels + b"]" * levels
    body = b'{"docs":[{"task_id":"a","status":"pending","params":%s,"x":1},{"task_id":"b","status":"pending"}]}' % deep
    api = answering(200, body)

    got = await api.client.list_tasks(TaskQuery())

    assert ([task.reference for task in got.tasks], got.skipped) == ([scale("a"), scale("b")], 0)
    assert got.tasks[0].record.raw(with_people=True) == JSON(
        {"task_id": "a", "status": "pending", "params": None, "x": 1}
    )
    assert api.misfits == ["params"]
    assert lines(Format.NDJSON, got.tasks).count(b"\n") == 2


async def test_a_field_as_deep_as_it_may_be() -> None:
    """A record of 100 levels is kept whole, however many lists and large integers stand beside them."""
    opened, closed = "[" * 99, "]" * 99
    deep = json.loads(f"{opened}466917967054114816904{closed}")
    api = ScriptedScale(lambda request: page({**record("t"), "params": {}, "response": deep, "more": [[]] * 200}))

    got = await api.client.list_tasks(TaskQuery())

    assert got.tasks[0].record.response() == json.loads(f'{opened}"466917967054114816904"{closed}')
    assert api.misfits == []


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ({"has_more": True, "next_token": "t"}, "t"),
        ({"has_more": True, "next_token": "sent"}, None),
        ({"has_more": True, "next_token": None}, None),
        ({"has_more": True, "next_token": ""}, None),
        ({"has_more": True}, None),
        ({"has_more": False, "next_token": "t"}, None),
        ({"next_token": "t"}, None),
    ],
)
async def test_where_a_walk_ends(answer: dict[str, object], token: str | None) -> None:
    """It goes on while Scale says that there is more and gives a new token."""
    api = answering(200, json.dumps({"docs": [], **answer}).encode())

    got = await api.client.list_tasks(TaskQuery(next_token="sent"))

    assert got.next_token == token
    assert api.requests[0].url.params["next_token"] == "sent"
    assert api.misfits == []


@pytest.mark.parametrize(("total", "read"), [(0, 0), (7, 7), (None, None), (-1, None), ("7", None), (2**31, None)])
async def test_totals(total: object, read: int | None) -> None:
    """A total that is none is unknown, never 0."""
    api = answering(200, json.dumps({"docs": [], "total": total, "has_more": False}).encode())

    assert (await api.client.list_tasks(TaskQuery())).total == read
    assert api.misfits == ([] if read is not None or total is None else ["total"])


@pytest.mark.parametrize("body", [b"OK", b"", b"[]", b"{}", b'{"docs":null}', b'{"docs":{}}', b'{"docs":[{}'])
async def test_answers_that_are_no_page(body: bytes) -> None:
    """Without a list of records there is no page."""
    client = answering(200, body).client

    for asking in (client.list_tasks(TaskQuery()), client.list_task_states(TaskQuery()), client.batches(BatchQuery())):
        with pytest.raises(GatewayError) as caught:
            await asking
        assert caught.value.code is ErrorCode.BACKEND_BAD_RESPONSE


async def test_a_filter_that_scale_refuses() -> None:
    """A 400 is told apart, so that a caller can ask without the filter."""
    api = answering(400, recorded("error_body"))

    with pytest.raises(RefusedQueryError) as caught:
        await api.client.list_tasks(TaskQuery(status=TaskStatus.FAILED))

    assert caught.value.code is ErrorCode.BAD_USER_INPUT
    assert "SECRET" not in caught.value.message
    assert api.requests[0].url.params["status"] == "error"


async def test_states_are_no_tasks() -> None:
    """A limited page brings states; what it lacks cannot be mistaken for a task without it."""
    api = answering(200, recorded("limited_page"))

    got = await api.client.list_task_states(TaskQuery(status=TaskStatus.COMPLETED))

    assert api.requests[0].url.params["limited_response"] == "true"
    [state] = got.states
    assert isinstance(state, TaskState)
    assert (state.reference, state.status, state.project) == (scale(TASK_ID), TaskStatus.COMPLETED, "cows")
    assert state.backend_status.value == "completed"
    assert state.metadata == JSON({"sceneId": "s3://b/f.png", "n": "9007199254740993"})
    assert (got.total, got.next_token, got.skipped) == (2, None, 1)


async def test_projects() -> None:
    """A bare array; what lacks a name is left out and counted."""
    api = answering(200, recorded("projects"))

    got = await api.client.projects()

    assert api.targets == ["GET /v1/projects"]
    cows, other = got.projects
    assert (cows.name, cows.type, cows.is_archived) == ("cows", "imageannotation", False)
    assert cows.created_at is not None
    assert other == ScaleProject(name="a b/c", type="multistage")
    assert got.skipped == 1


@pytest.mark.parametrize(("archived", "query"), [(True, "?archived=true"), (False, "?archived=false")])
async def test_archived_projects(archived: bool, query: str) -> None:
    """Archived ones are asked for by a flag in lower case."""
    api = answering(200, b"[]")

    await api.client.projects(archived=archived)

    assert api.targets == [f"GET /v1/projects{query}"]


async def test_projects_that_are_no_list() -> None:
    """An object in place of the array is a bad response."""
    with pytest.raises(GatewayError) as caught:
        await answering(200, b'{"docs":[]}').client.projects()

    assert caught.value.code is ErrorCode.BACKEND_BAD_RESPONSE


async def test_a_page_of_batches() -> None:
    """Batches with Scale's own word for their status, and the row offset of the next page."""
    api = answering(200, recorded("batches"))

    got = await api.client.batches(BatchQuery(project="cows", limit=3, offset=2))

    assert api.targets == ["GET /v1/batches?project=cows&limit=3&offset=2"]
    assert [batch.name for batch in got.batches] == ["cows-2", "cows-1"]
    assert got.batches[1] == ScaleBatch(name="cows-1", status="completed")
    assert (got.total, got.next_offset, got.skipped) == (7, 5, 1)


@pytest.mark.parametrize(
    ("answer", "total", "next_offset"),
    [
        ({"totalDocs": 3, "has_more": True}, 3, 1),
        ({"total": 3, "has_more": True}, 3, 1),
        ({"total": 3}, 3, 1),
        ({"total": 1}, 1, None),
        ({"has_more": False, "total": 3}, 3, None),
        ({}, None, None),
    ],
)
async def test_totals_of_batches(answer: dict[str, object], total: int | None, next_offset: int | None) -> None:
    """Both names of the total are read; without `has_more` it tells where the walk ends."""
    docs = [{"name": "b", "status": "staging"}]
    api = answering(200, json.dumps({"docs": docs, **answer}).encode())

    got = await api.client.batches(BatchQuery())

    assert (got.total, got.next_offset) == (total, next_offset)


async def test_an_empty_page_of_batches_ends_the_walk() -> None:
    """Even when Scale says that there is more, the same offset would only bring the same page."""
    api = answering(200, b'{"docs":[],"has_more":true,"totalDocs":9}')

    assert (await api.client.batches(BatchQuery(offset=4))).next_offset is None


async def test_batch_status() -> None:
    """Counts by status; one that is missing is 0. The name is one segment of the path."""
    api = answering(200, recorded("batch_status"))

    status = await api.client.batch_status("a bc/def")

    assert api.targets == ["GET /v1/batches/a%20bc%2Fdef/status"]
    counts = {
        TaskStatus.PENDING: 3,
        TaskStatus.COMPLETED: 12,
        TaskStatus.CANCELED: 0,
        TaskStatus.FAILED: 0,
    }
    assert status == BatchStatus(status="in_progress", counts=counts)


async def test_a_batch_that_scale_does_not_know() -> None:
    """404 is no failure."""
    assert await answering(404).client.batch_status("x") is None


@pytest.mark.parametrize("body", [b"{}", b"[]", b"OK", b'{"status":"staging","pending":"many"}', b'{"pending":1}'])
async def test_batch_status_that_is_none(body: bytes) -> None:
    """A count that is no count is a bad response: 0 would be a lie."""
    with pytest.raises(GatewayError) as caught:
        await answering(200, body).client.batch_status("x")

    assert caught.value.code is ErrorCode.BACKEND_BAD_RESPONSE


@pytest.mark.parametrize("status", [401, 404, 429, 503])
async def test_lists_raise_their_failures(status: int) -> None:
    """A list has no part that could stand without its answer."""
    api = ScriptedScale(lambda request: httpx.Response(status))

    for asking in (api.client.list_tasks(TaskQuery()), api.client.projects(), api.client.batches(BatchQuery())):
        with pytest.raises(GatewayError):
            await asking
