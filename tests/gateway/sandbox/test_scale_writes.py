"""Changing one task at the emulated Scale."""

from typing import Any

import httpx
import pytest

from tests.gateway.sandbox.scale_account import client_of, make_sandbox

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "started", "code", "after"),
    [
        ("pending", False, 200, "canceled"),
        ("pending", True, 400, "pending"),
        ("completed", False, 400, "completed"),
        ("error", False, 400, "error"),
        ("canceled", False, 200, "canceled"),
        ("in_progress", False, 400, "in_progress"),
    ],
)
async def test_cancel(status: str, started: bool, code: int, after: str) -> None:
    """Only pending tasks without started work are canceled; a canceled one answers 200 again."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(status=status, work_started=started)
    async with client_of(sandbox) as client:
        response = await client.post(f"/task/{row.task_id}/cancel")

    assert response.status_code == code
    assert row.record["status"] == after
    assert response.json().get("status") == (after if code == 200 else None)


async def test_cancel_frees_the_unique_id_on_request() -> None:
    """clear_unique_id=true removes it, also from a task that is canceled already."""
    sandbox = make_sandbox()
    for task_id in ("a", "b"):
        sandbox.store.add_task(task_id=task_id, unique_id=task_id)
    sandbox.store.cancel("b")
    async with client_of(sandbox) as client:
        kept = (await client.post("/task/b/cancel?clear_unique_id=false")).json()
        freed = [(await client.post(f"/task/{each}/cancel?clear_unique_id=true")).json() for each in "ab"]
        refused = await client.post("/task/a/cancel?clear_unique_id=please")

    assert kept["unique_id"] == "b"
    assert ["unique_id" in each for each in freed] == [False, False]
    assert refused.status_code == 400


async def test_cancel_switches() -> None:
    """Older behaviour on request: 400 for a second cancel, 500 for a completed task."""
    sandbox = make_sandbox(cancel_again_status=400, cancel_completed_status=500)
    sandbox.store.add_task(task_id="a", status="canceled")
    sandbox.store.add_task(task_id="b", status="completed")
    async with client_of(sandbox) as client:
        codes = [(await client.post(f"/task/{each}/cancel")).status_code for each in "ab"]

    assert codes == [400, 500]


async def test_metadata_is_the_body_and_replaces_all() -> None:
    """The object is not wrapped and not merged; no body empties it; updated_at moves."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(status="canceled", metadata={"old": 1})
    path = f"/task/{row.task_id}/setMetadata"
    async with client_of(sandbox) as client:
        changed = (await client.post(path, json={"metadata": {"wrapped": "車両"}})).json()
        same = (await client.post(path, json={"metadata": {"wrapped": "車両"}})).json()
        emptied = (await client.post(path)).json()

    assert changed["metadata"] == {"metadata": {"wrapped": "車両"}}
    assert changed["created_at"] < changed["updated_at"] == same["updated_at"] < emptied["updated_at"]
    assert emptied["metadata"] == {}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"[]"),
        ("application/json", b"null"),
        ("application/json", b"{"),
        ("application/json", b'{"a": NaN}'),
        ("application/json", b"\xff"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"n": ' + b"9" * 5000 + b"}"),
        ("application/json", b'{"long": "' + b"x" * 10_240 + b'"}'),
        ("text/plain", b"{}"),
        ("application/x-www-form-urlencoded", b"a=1"),
    ],
)
async def test_bad_bodies_are_400(content_type: str, body: bytes) -> None:
    """Wrong content type, broken or unsuitable JSON, and metadata over 10 KB are refused."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(metadata={"kept": True})
    async with client_of(sandbox) as client:
        response = await client.post(
            f"/task/{row.task_id}/setMetadata", content=body, headers={"content-type": content_type}
        )

    assert response.status_code == 400
    assert row.record["metadata"] == {"kept": True}


async def test_lone_surrogates_come_back_as_escapes() -> None:
    """JSON may hold text that UTF-8 cannot; it is answered as it was sent."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task()
    async with client_of(sandbox) as client:
        response = await client.post(
            f"/task/{row.task_id}/setMetadata",
            content=b'{"a": "\\ud800"}',
            headers={"content-type": "application/json; charset=utf-8"},
        )

    assert response.status_code == 200
    assert '"metadata":{"a":"\\ud800"}' in response.text


async def test_three_tag_verbs_differ() -> None:
    """POST replaces, PUT adds behind, DELETE removes by its body; an empty list drops the key."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(tags=["a", "b"])
    path = f"/task/{row.task_id}/tags"
    async with client_of(sandbox) as client:
        added = (await client.put(path, json=["c", "a"])).json()
        removed = (await client.request("DELETE", path, json=["b", "absent"])).json()
        replaced = (await client.post(path, json=["z", "y", "z"])).json()
        emptied = (await client.post(path)).json()
        again = (await client.put(path, json=["new"])).json()

    assert added["tags"] == ["a", "b", "c"]
    assert removed["tags"] == ["a", "c"]
    assert replaced["tags"] == ["z", "y"]
    assert "tags" not in emptied
    assert again["tags"] == ["new"]


@pytest.mark.parametrize("body", [["f"], [""], [None], [1], {"tags": ["a"]}, "a"])
async def test_bad_tags_are_400(body: Any) -> None:
    """A sixth tag, an empty or non-string tag, and anything but an array are refused."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(tags=list("abcde"))
    async with client_of(sandbox) as client:
        response = await client.put(f"/task/{row.task_id}/tags", json=body)
        fits = await client.put(f"/task/{row.task_id}/tags", json=["a", "e"])

    assert response.status_code == 400
    assert fits.status_code == 200
    assert row.record["tags"] == list("abcde")


async def test_null_tags_are_no_tags() -> None:
    """A record whose tags are null takes added tags like one without."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(tags=None)
    async with client_of(sandbox) as client:
        assert (await client.get(f"/task/{row.task_id}")).json()["tags"] is None
        assert (await client.put(f"/task/{row.task_id}/tags", json=["a"])).json()["tags"] == ["a"]


async def test_unique_id() -> None:
    """Set, set again, refused where another task has it, cleared, then free for the other."""
    sandbox = make_sandbox()
    for task_id in ("a", "b"):
        sandbox.store.add_task(task_id=task_id)
    bodies: list[Any] = [{}, {"unique_id": ""}, {"unique_id": None}, {"unique_id": 1}, []]
    async with client_of(sandbox) as client:
        first = (await client.post("/task/a/unique_id", json={"unique_id": "a/b 車"})).json()
        same = (await client.post("/task/a/unique_id", json={"unique_id": "a/b 車"})).json()
        taken = await client.post("/task/b/unique_id", json={"unique_id": "a/b 車"})
        cleared = [(await client.delete("/task/a/unique_id")).json() for _ in range(2)]
        free = await client.post("/task/b/unique_id", json={"unique_id": "a/b 車"})
        bad = [(await client.post("/task/b/unique_id", json=body)).status_code for body in bodies]

    assert first == same
    assert taken.status_code == 409
    assert taken.json()["error"] == 'The unique_id ("a/b 車") is already used for a different task (a).'
    assert ["unique_id" in each for each in cleared] == [False, False]
    assert free.status_code == 200
    assert bad == [400] * 5


async def test_audit() -> None:
    """A completed task takes audits and answers plain text; the audit sets the review status."""
    sandbox = make_sandbox()
    row = sandbox.store.add_task(status="completed")
    path = f"/task/{row.task_id}/audit"
    async with client_of(sandbox) as client:
        rejected = await client.post(path, json={"accepted": False, "comments": "blurry"})
        await client.post(path, json={"accepted": True, "comments": None})
        bad = [
            (await client.post(path, json=body)).status_code
            for body in ({}, {"accepted": "true"}, {"accepted": True, "comments": 1})
        ]
        sandbox.store.recall(row.task_id)
        pending = await client.post(path, json={"accepted": True})

    assert (rejected.text, rejected.headers["content-type"]) == ("OK", "text/plain; charset=utf-8")
    assert [audit["audit_result"] for audit in row.record["audits"]] == ["rejected", "accepted"]
    assert row.record["audits"][0]["audit_source"] == "customer"
    assert row.record["customer_review_status"] == "accepted"
    assert bad == [400] * 3
    assert pending.status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/tasks", "GET"),
        ("PUT", "/task/a", "GET, POST"),
        ("DELETE", "/task/a", "GET, POST"),
        ("GET", "/task/a/cancel", "POST"),
        ("GET", "/task/a/tags", "DELETE, POST, PUT"),
        ("PUT", "/task/a/unique_id", "DELETE, POST"),
        ("PUT", "/task/a/setMetadata", "POST"),
        ("PATCH", "/projects/road", "GET"),
    ],
)
async def test_wrong_verbs_are_405(method: str, path: str, allow: str) -> None:
    """A method an address does not know is refused, and the answer names those it knows."""
    async with client_of(make_sandbox()) as client:
        response = await client.request(method, path)

    assert (response.status_code, response.headers["allow"]) == (405, allow)
    assert response.json() == {"status_code": 405, "error": "Method not allowed."}


@pytest.mark.parametrize(
    "path", ["/task", "/task/", "/", "/tasks/x", "/task/a/b/c", "/batches/a/b", "/../tasks", "/task/a/unknown"]
)
async def test_unknown_addresses_are_404(path: str) -> None:
    """An address outside the API answers 404 in Scale's form."""
    async with client_of(make_sandbox()) as client:
        response = await client.get(path)

    assert (response.status_code, response.json()["status_code"]) == (404, 404)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic bGl2ZV9rZXk=",  # live_key, without the colon
        "Basic bGl2ZV9rZXk6cGFzcw==",  # live_key:pass
        "Basic dGVzdF9rZXk6",  # test_key:
        "Bearer live_key",
        "Token live_key",
    ],
)
async def test_bad_credentials_are_401(authorization: str | None) -> None:
    """Anything but Basic with the key and an empty password is refused, whatever the address."""
    async with client_of(make_sandbox()) as client:
        client.auth = httpx.Auth()
        headers = {} if authorization is None else {"authorization": authorization}
        responses = [await client.get(path, headers=headers) for path in ("/tasks", "/nowhere")]

    assert [(each.status_code, each.json()["status_code"]) for each in responses] == [(401, 401)] * 2


async def test_bearer_is_accepted_by_switch() -> None:
    """The Node SDK's scheme works where it is switched on."""
    async with client_of(make_sandbox(accept_bearer=True)) as client:
        client.auth = httpx.Auth()
        accepted = await client.get("/tasks", headers={"authorization": "Bearer live_key"})
        refused = await client.get("/tasks", headers={"authorization": "Bearer other"})

    assert (accepted.status_code, refused.status_code) == (200, 401)
