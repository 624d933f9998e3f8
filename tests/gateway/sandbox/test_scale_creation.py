"""Creating tasks at the emulated Scale, and the Idempotency-Key."""

import asyncio
from typing import Any

import pytest

from gateway.sandbox.faults import Fault
from tests.gateway.sandbox.scale_account import MULTISTAGE, client_of, make_sandbox

pytestmark = pytest.mark.anyio


async def test_multistage_answer_is_the_documented_one() -> None:
    """The answer is pending, with empty params and without project; the task itself has its project."""
    sandbox = make_sandbox()
    body = MULTISTAGE | {"instruction": "Do", "callback_url": "a@example.com", "priority": 30, "batch": "road 1"}
    async with client_of(sandbox) as client:
        answer = (await client.post("/task/multistage", json=body)).json()
        record = (await client.get(f"/task/{answer['task_id']}")).json()

    assert answer | {"task_id": ""} == {
        "task_id": "",
        "type": "multistage",
        "status": "pending",
        "instruction": "Do",
        "callback_url": "a@example.com",
        "params": {},
        "metadata": {},
        "is_test": False,
        "priority": 30,
        "created_at": "2026-03-01T12:00:00.000Z",
        "updated_at": "2026-03-01T12:00:00.000Z",
    }
    assert record == answer | {"project": "road", "batch": "road 1"}


async def test_batch_alone_names_the_project() -> None:
    """A multistage task needs no project when its batch has one."""
    sandbox = make_sandbox(multistage_answer_names_project=True)
    body = {name: value for name, value in MULTISTAGE.items() if name != "project"} | {"batch": "road 1"}
    async with client_of(sandbox) as client:
        answer = (await client.post("/task/multistage/", json=body)).json()

    assert (answer["project"], answer["batch"]) == ("road", "road 1")


async def test_test_keys_complete_at_once() -> None:
    """With a test key the answer says pending, yet the task is completed when read."""
    sandbox = make_sandbox(api_key="test_key")
    async with client_of(sandbox) as client:
        answer = (await client.post("/task/imageannotation", json={"attachment": "https://x/1.png"})).json()
        record = (await client.get(f"/task/{answer['task_id']}")).json()
        cancel = await client.post(f"/task/{answer['task_id']}/cancel")

    assert (answer["status"], answer["is_test"], answer["params"]) == (
        "pending",
        True,
        {"attachment": "https://x/1.png"},
    )
    assert (record["status"], "completed_at" in record, bool(record["response"])) == ("completed", True, True)
    assert cancel.status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"project": None},
        {"project": "absent"},
        {"project": ""},
        {"batch": "absent"},
        {"batch": "elsewhere"},
        {"project": "rapid"},
        {"attachments": "s3://bucket/scene.sfs"},
        {"attachments": []},
        {"attachments": [""]},
        {"attachments": ...},
        {"scene_format": "sfs"},
        {"scene_format": ...},
        {"priority": None},
        {"priority": 15},
        {"priority": True},
        {"priority": "10"},
        {"tags": list("abcdef")},
        {"tags": [""]},
        {"tags": "a"},
        {"metadata": []},
        {"metadata": {"x": "y" * 10_240}},
        {"unique_id": ""},
        {"unique_id": 7},
        {"clear_unique_id_on_error": "true"},
        {"callback_url": 5},
        {"project_version": "1"},
        {"project": ...},
    ],
)
async def test_bad_multistage_bodies_are_400(change: dict[str, Any]) -> None:
    """Each rule of creation is held, and nothing is created."""
    sandbox = make_sandbox()
    sandbox.store.add_project("rapid", rapid=True)
    sandbox.store.add_batch("elsewhere", "rapid")
    body = {name: value for name, value in (MULTISTAGE | change).items() if value is not ...}
    async with client_of(sandbox) as client:
        response = await client.post("/task/multistage", json=body)

    assert response.status_code == 400
    assert len(sandbox.store) == 0


async def test_unknown_and_disabled_types() -> None:
    """An unknown type is 404, one the account may not use 402."""
    async with client_of(make_sandbox(disabled_types=frozenset({"chat"}))) as client:
        unknown = await client.post("/task/5ca1ab1e0000000000000001", json={})
        disabled = await client.post("/task/chat", json={})

    assert (unknown.status_code, disabled.status_code) == (404, 402)


async def test_used_unique_id_is_409_naming_the_holder() -> None:
    """Unique over projects and types, until freed by an error that was told to free it."""
    sandbox = make_sandbox()
    body = {"unique_id": "u", "clear_unique_id_on_error": True}
    async with client_of(sandbox) as client:
        first = (await client.post("/task/transcription", json=body)).json()
        second = await client.post("/task/multistage", json=MULTISTAGE | {"unique_id": "u"})
        sandbox.store.fail(first["task_id"])
        third = await client.post("/task/multistage", json=MULTISTAGE | {"unique_id": "u"})

    assert second.status_code == 409
    assert first["task_id"] in second.json()["error"]
    assert third.status_code == 200
    assert "unique_id" not in sandbox.store.get(first["task_id"]).record


async def test_key_replays_the_stored_answer_for_24_hours() -> None:
    """The same key and parameters, in any order, give the first answer until a day has passed."""
    sandbox = make_sandbox()
    key = {"idempotency-key": "k"}
    async with client_of(sandbox) as client:
        first = await client.post("/task/transcription", json={"a": 1, "b": 2}, headers=key)
        sandbox.clock.advance(24 * 3600 - 1)
        again = await client.post("/task/transcription", json={"b": 2, "a": 1}, headers=key)
        other = await client.post("/task/transcription", json={"a": 2}, headers=key)
        other_type = await client.post("/task/chat", json={"a": 1, "b": 2}, headers=key)
        sandbox.clock.advance(1)
        new = await client.post("/task/transcription", json={"a": 1, "b": 2}, headers=key)

    assert again.content == first.content
    assert (other.status_code, other_type.status_code) == (409, 409)
    assert new.json()["task_id"] != first.json()["task_id"]
    assert len(sandbox.store) == 2


async def test_key_replays_errors() -> None:
    """A refused creation stays refused under its key even when the cause is gone."""
    sandbox = make_sandbox()
    key = {"idempotency-key": "k"}
    body = MULTISTAGE | {"project": "later"}
    async with client_of(sandbox) as client:
        refused = await client.post("/task/multistage", json=body, headers=key)
        sandbox.store.add_project("later")
        again = await client.post("/task/multistage", json=body, headers=key)
        fresh = await client.post("/task/multistage", json=body, headers={"idempotency-key": "k2"})

    assert (refused.status_code, again.content, fresh.status_code) == (400, refused.content, 200)


async def test_twin_at_the_same_moment_is_429() -> None:
    """The second of two identical requests is told to come again, and then gets the first one's answer."""
    sandbox = make_sandbox(creation_s=1)
    async with client_of(sandbox) as client:

        async def create() -> Any:
            return await client.post("/task/transcription", json={}, headers={"idempotency-key": "k"})

        tasks = [asyncio.create_task(create()) for _ in range(2)]
        done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        sandbox.clock.advance(1)
        twin, created = done.pop().result(), await running.pop()
        again = await create()

    assert (twin.status_code, created.status_code, again.content) == (429, 200, created.content)


@pytest.mark.parametrize("kept", [False, True])
async def test_503_after_creating(kept: bool) -> None:
    """The key keeps the success that was replaced by a 503, or by switch the 503 itself."""
    sandbox = make_sandbox(store_replaced_answer=kept)
    sandbox.faults.add(Fault("status_after", status=503, times=1))
    async with client_of(sandbox) as client:
        lost = await client.post("/task/transcription", json={}, headers={"idempotency-key": "k"})
        again = await client.post("/task/transcription", json={}, headers={"idempotency-key": "k"})

    assert lost.status_code == 503
    assert lost.json()["status_code"] == 503
    assert again.status_code == (503 if kept else 200)
    assert len(sandbox.store) == 1
