"""Reading tasks, projects and batches from the emulated Scale."""

import base64
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from gateway.sandbox.scale import ScaleSandbox
from tests.gateway.sandbox.scale_account import NOON, client_of, make_sandbox

pytestmark = pytest.mark.anyio


async def ids(client: httpx.AsyncClient, params: Any = None) -> list[str]:
    response = await client.get("/tasks", params=params)
    assert response.status_code == 200, response.text
    return [doc["task_id"] for doc in response.json()["docs"]]


def sandbox_of_tasks(**tasks: dict[str, Any]) -> ScaleSandbox:
    sandbox = make_sandbox()
    for age, (task_id, fields) in enumerate(tasks.items()):
        sandbox.store.add_task(task_id=task_id, **{"created_at": NOON - timedelta(hours=age)} | fields)
    return sandbox


async def test_task_without_optional_fields_has_no_such_keys() -> None:
    """What is unset is an absent key, never null."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task()
    async with client_of(sandbox) as client:
        record = (await client.get(f"/task/{row.task_id}")).json()

    assert record == {
        "task_id": row.task_id,
        "type": "imageannotation",
        "status": "pending",
        "params": {},
        "metadata": {},
        "created_at": "2026-03-01T12:00:00.000Z",
        "updated_at": "2026-03-01T12:00:00.000Z",
    }
    assert len(row.task_id) == 24
    assert int(row.task_id[:8], 16) == int(NOON.timestamp())


@pytest.mark.parametrize("task_id", ["fake_id_qwertyuiop", "5ca1ab1e0000000000000001", "%2E%2E", "a%2Fb", "%ff"])
async def test_unknown_and_malformed_ids_are_404(task_id: str) -> None:
    """Malformed ids are as unknown as others, with Scale's error body."""
    async with client_of(make_sandbox()) as client:
        response = await client.get(f"/task/{task_id}")

    assert response.status_code == 404
    assert response.json() == {"status_code": 404, "error": "The requested task does not exist."}


async def test_list_is_newest_first_and_ties_go_by_id() -> None:
    """Created last first; equal times in the order of their ids."""
    sandbox = sandbox_of_tasks(old={}, c={"created_at": NOON}, a={"created_at": NOON}, b={"created_at": NOON})
    sandbox.store.patch("old", created_at="2026-02-01T00:00:00.000Z")
    async with client_of(sandbox) as client:
        assert await ids(client) == ["a", "b", "c", "old"]


async def test_walk_crosses_ties_without_loss_or_repeat() -> None:
    """Pages of three over ten equal times and a deleted cursor task give each remaining task once."""
    sandbox = make_sandbox()
    for number in range(10):
        sandbox.store.add_task(task_id=f"t{number}")
    seen: list[str] = []
    token = None
    async with client_of(sandbox) as client:
        while True:
            params = {"limit": "3"} | ({"next_token": token} if token else {})
            page = (await client.get("/tasks", params=params)).json()
            seen += [doc["task_id"] for doc in page["docs"]]
            assert page["limit"] == 3
            assert page["offset"] == 0
            token = page.get("next_token")
            if seen[-1] == "t2":
                sandbox.store.delete("t2")
            if not page["has_more"]:
                break

    assert seen == [f"t{number}" for number in range(10)]
    assert page["total"] == 9
    assert "next_token" not in page


async def test_next_token_is_a_keyset_cursor() -> None:
    """The cursor is base64 JSON of the last row's id and creation time."""
    sandbox = sandbox_of_tasks(a={}, b={})
    async with client_of(sandbox) as client:
        token = (await client.get("/tasks", params={"limit": 1})).json()["next_token"]

    assert json.loads(base64.b64decode(token)) == {"task_id": "a", "created_at": "2026-03-01T12:00:00.000Z"}


async def test_last_page_can_carry_a_null_token() -> None:
    """A switch sends `next_token: null` where it is otherwise absent."""
    async with client_of(make_sandbox(last_page_cursor="null")) as client:
        page = (await client.get("/tasks")).json()

    assert page == {"docs": [], "total": 0, "limit": 100, "offset": 0, "has_more": False, "next_token": None}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=completed", ["b"]),
        ("status=error", ["d"]),
        ("type=transcription", ["c"]),
        ("project=a%20bc%2Fdef", ["a"]),
        ("project=a%20bc%2Fdef&status=completed", []),
        ("batch=road%201", ["b"]),
        ("unique_id=s3%3A%2F%2Fb%2Fa%20b.png&unique_id=x%20y%26z%3D1&unique_id=absent", ["a", "c"]),
        ("unique_id=s3%3A%2F%2Fb%2Fa%20b.png,x%20y%26z%3D1", []),
        ("tags=night&tags=rain", ["a", "b"]),
        ("customer_review_status=accepted,fixed", ["b", "d"]),
        ("start_time=2026-03-01T10:00:00Z&end_time=2026-03-01T11:00:00Z", ["b", "c"]),
        ("start_time=2026-03-01%2010:30:00.000001", ["a", "b"]),
        ("start_time=2026-03-01T20:00:00%2B09:00", ["a", "b"]),
        ("end_time=2026-03-01", []),
        ("completed_after=2026-03-01T11:00:00.000Z", ["b"]),
        ("completed_before=2026-03-01T10:59:59.999Z", []),
        ("updated_after=2026-03-01T11:30:00.000Z", ["a", "d"]),
        ("updated_before=2026-03-01T10:00:00.000Z", ["c"]),
        ("last_id=b&page=2", ["a", "b", "c", "d"]),
        ("include_attachment_url=False&limited_response=FALSE", ["a", "b", "c", "d"]),
    ],
)
async def test_filters(query: str, expected: list[str]) -> None:
    """Each filter selects what it is documented to; unknown parameters do nothing."""
    sandbox = sandbox_of_tasks(
        a={"project": "a bc/def", "unique_id": "s3://b/a b.png", "tags": ["night"]},
        b={
            "status": "completed",
            "batch": "road 1",
            "tags": ["rain", "night"],
            "customer_review_status": "accepted",
        },
        c={"type": "transcription", "unique_id": "x y&z=1"},
        d={
            "status": "error",
            "customer_review_status": "fixed",
            "tags": None,
            "updated_at": "2026-03-01T12:00:00.000Z",
        },
    )
    async with client_of(sandbox) as client:
        assert await ids(client, httpx.QueryParams(query)) == expected


async def test_tag_filter_can_ask_for_all() -> None:
    """A switch makes several tags mean all of them."""
    sandbox = make_sandbox(tag_filter="all")
    sandbox.store.add_task(task_id="one", tags=["night"])
    sandbox.store.add_task(task_id="both", tags=["rain", "night"])
    async with client_of(sandbox) as client:
        assert await ids(client, {"tags": ["night", "rain"]}) == ["both"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=1.5",
        "limit=-1",
        "limit=",
        "limit=1&limit=2",
        "status=done",
        "status=in_progress",
        "status=pending&status=completed",
        "customer_review_status=accepted&customer_review_status=fixed",
        "customer_review_status=great",
        "start_time=yesterday",
        "end_time=2026-13-01",
        "updated_after=2026-03-01T00:00:00+08:00",
        "updated_before=0001-01-01T00:00:00%2B14:00",
        "limited_response=1",
        "include_attachment_url=yes",
        "next_token=",
        "next_token=%21%21",
        "next_token=bm90IGpzb24%3D",
        "next_token=W10%3D",
        "next_token=eyJ0YXNrX2lkIjoiYSJ9",
    ],
)
async def test_malformed_parameters_are_400(query: str) -> None:
    """A parameter that cannot be read is refused, never guessed."""
    async with client_of(make_sandbox()) as client:
        response = await client.get(f"/tasks?{query}")

    assert response.status_code == 400
    assert response.json()["status_code"] == 400
    assert response.json()["error"]


async def test_error_as_status_filter_can_be_refused() -> None:
    """A switch refuses status=error, which the list's documentation does not name."""
    async with client_of(make_sandbox(accept_error_status_filter=False)) as client:
        assert (await client.get("/tasks?status=error")).status_code == 400


async def test_limited_response_drops_fields() -> None:
    """Five fields are left: unique id, tags and times are gone."""
    sandbox = sandbox_of_tasks(a={"unique_id": "u", "tags": ["t"], "project": "road", "otherVersion": "x"})
    async with client_of(sandbox) as client:
        docs = (await client.get("/tasks?limited_response=True")).json()["docs"]

    assert docs == [{"task_id": "a", "status": "pending", "metadata": {}, "project": "road", "otherVersion": "x"}]


async def test_attachment_urls_come_on_request_only() -> None:
    """include_attachment_url adds a presigned URL for each attachment."""
    sandbox = sandbox_of_tasks(a={"params": {"attachment": "https://x/1.png"}})
    async with client_of(sandbox) as client:
        with_urls = (await client.get("/tasks?include_attachment_url=True")).json()["docs"][0]
        without = (await client.get("/tasks")).json()["docs"][0]

    assert with_urls["attachmentS3Downloads"][0]["attachmentURL"] == "https://x/1.png"
    assert "attachmentS3Downloads" not in without


async def test_big_integers_survive() -> None:
    """Integers beyond 2^53 and beyond 64 bits arrive digit by digit."""
    sandbox = sandbox_of_tasks(a={"metadata": {"big": 9007199254740993, "bigger": 123456789012345678901}})
    async with client_of(sandbox) as client:
        text = (await client.get("/task/a")).text

    assert '"big":9007199254740993,"bigger":123456789012345678901' in text


async def test_list_sees_every_kind_of_change() -> None:
    """A kept selection is dropped by each write, so the next list is right."""
    sandbox = sandbox_of_tasks(a={}, b={})
    async with client_of(sandbox) as client:
        assert await ids(client, {"status": "pending", "tags": "x"}) == []
        sandbox.store.patch("b", tags=["x"])
        assert await ids(client, {"status": "pending", "tags": "x"}) == ["b"]
        sandbox.store.set_status("b", "anything")
        assert await ids(client, {"status": "pending"}) == ["a"]
        assert await ids(client) == ["a", "b"]


async def test_projects_by_encoded_name() -> None:
    """A name with a slash, a space, or any letter is one segment; the list is a bare array."""
    sandbox = make_sandbox()
    for name in ("a bc/def", "Straße & Co", "車両"):
        sandbox.store.add_project(name, archived=name == "車両")
    async with client_of(sandbox) as client:
        found = [
            (await client.get(path)).json()["name"]
            for path in ("/projects/a%20bc%2Fdef", "/projects/Stra%C3%9Fe%20%26%20Co", "/projects/%E8%BB%8A%E4%B8%A1")
        ]
        everything = (await client.get("/projects")).json()
        archived = (await client.get("/projects?archived=true")).json()

        assert found == ["a bc/def", "Straße & Co", "車両"]
        assert [each["name"] for each in everything] == ["road", *found]
        assert [each["name"] for each in archived] == ["車両"]
        assert everything[0]["param_history"][-1]["version"] == 0
        assert (await client.get("/projects/a%20bc/def")).status_code == 404
        assert (await client.get("/projects/absent")).status_code == 404


async def test_batches() -> None:
    """Batches page by offset, newest first, and count their tasks, zero counts left out."""
    sandbox = make_sandbox()
    sandbox.store.add_batch("a/b", "road", status="completed", created_at="2026-03-02T00:00:00.000Z")
    for status in ("pending", "pending", "error", "odd"):
        sandbox.store.add_task(batch="a/b", status=status)
    async with client_of(sandbox) as client:
        page = (await client.get("/batches?limit=1&project=road")).json()
        rest = (await client.get("/batches?limit=1&offset=1")).json()

        assert [each["name"] for each in page["docs"] + rest["docs"]] == ["a/b", "road 1"]
        assert (page["total"], page["totalDocs"], page["has_more"], rest["has_more"]) == (2, 2, True, False)
        assert (await client.get("/batches/a%2Fb")).json()["project"] == "road"
        status = (await client.get("/batches/a%2Fb/status")).json()
        assert status == {"status": "completed", "pending": 2, "error": 1}
        assert (await client.get("/batches/absent/status")).status_code == 404
        assert [each["name"] for each in (await client.get("/batches?status=completed")).json()["docs"]] == ["a/b"]
        for query in ("offset=-1", "limit=0", "status=cancelled", "detailed=2", "audited_after=x"):
            assert (await client.get(f"/batches?{query}")).status_code == 400
