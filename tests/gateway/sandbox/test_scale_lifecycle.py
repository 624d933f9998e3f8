"""What happens at the emulated Scale as time passes: moves, callbacks, and the seed they start from."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.links import SceneLink
from gateway.sandbox.scale import ScaleSandbox
from gateway.sandbox.scale.callbacks import next_wait_s
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.seed import DEMO_MOVING, DEMO_PENDING, DEMO_STARTED, DEMO_TASK_IDS, seed_scale
from gateway.sandbox.scale.wire import encode
from tests.gateway.sandbox.scale_account import NOON, client_of, make_sandbox

pytestmark = pytest.mark.anyio

LINKS = [SceneLink("campaign", "request", f"scene {number}") for number in range(40)]


def seeded(size: int = 300) -> ScaleSandbox:
    sandbox = ScaleSandbox(SandboxClock.manual(NOON), api_key="live_key")
    seed_scale(sandbox, links=LINKS, size=size)
    return sandbox


class Receiver:
    """Answers callbacks with the given statuses, then with 200; an exception is raised instead."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, str], Any]] = []

    async def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.calls.append((url, headers, json.loads(body)))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_seed_is_the_same_in_every_run() -> None:
    """Two emulators at the same time hold the same records; at a later time only the times differ."""
    first, second = seeded(), seeded()
    later = ScaleSandbox(SandboxClock.manual(NOON + timedelta(days=9)))
    seed_scale(later, links=LINKS, size=300)

    assert [row.record for row in first.store.tasks()] == [row.record for row in second.store.tasks()]
    assert [row.task_id for row in later.store.tasks()] == [row.task_id for row in first.store.tasks()]
    assert {row.created_at - NOON <= timedelta() for row in first.store.tasks()} == {True}


def test_seed_holds_what_clients_break_on() -> None:
    """At least 2,000 tasks, every status, odd names, ties over page borders, big integers, null tags."""
    sandbox = seeded(2000)
    records = [row.record for row in sandbox.store.tasks()]
    statuses = Counter(record["status"] for record in records)
    ties = Counter(record["created_at"] for record in records)
    text = encode(records).decode()

    assert len(records) == 2000 + len(LINKS) + len(DEMO_TASK_IDS)
    assert set(statuses) == {"pending", "completed", "canceled", "error", "in_progress", "deleted"}
    assert {"a bc/def", "Straße & Co", "車両"} <= set(sandbox.store.projects)
    assert {"a bc/def", "Straße & Co", "車両"} <= {record["project"] for record in records}
    assert len({record["type"] for record in records}) >= 6
    assert max(ties.values()) > 100
    assert any(
        earlier["created_at"] == later["created_at"]
        for earlier, later in zip(records[99::100], records[100::100], strict=False)
    )
    assert sum(record.get("tags", "") is None for record in records) == 2
    assert all(sandbox.store.holder_of(each) for each in ("s3://bucket/a b.png", "x y&z=1", "車両", "a/b"))
    assert "9007199254740993" in text
    assert "123456789012345678901" in text
    assert "labels@example.com" in text
    assert any(record.get("times_redone") and record["audits"][0]["audited_by"] for record in records)


def test_seed_links_scenes_by_unique_id_or_metadata() -> None:
    """Each link is found by its scene: as unique id, in the metadata, or both."""
    sandbox = seeded(0)
    by_metadata = {row.record["metadata"].get("sceneId"): row.record["metadata"] for row in sandbox.store.tasks()}
    kinds = Counter(
        (sandbox.store.holder_of(link.scene_id) is not None, link.scene_id in by_metadata) for link in LINKS
    )

    assert set(kinds) == {(True, False), (True, True), (False, True)}
    assert by_metadata["scene 1"] == {
        "campaignId": "campaign",
        "annotationRequestId": "request",
        "sceneId": "scene 1",
    }


def test_moving_task_changes_within_a_minute_and_the_others_stay() -> None:
    """The demo's moving task completes and is recalled every 20 seconds; the other demo tasks keep still."""
    sandbox = seeded(0)
    still = {task_id: dict(sandbox.store.get(task_id).record) for task_id in DEMO_TASK_IDS if task_id != DEMO_MOVING}
    seen = []
    for _ in range(4):
        sandbox.clock.advance(20)
        sandbox.step()
        record = sandbox.store.get(DEMO_MOVING).record
        seen.append((record["status"], "response" in record, record.get("times_redone")))

    assert seen == [
        ("completed", True, None),
        ("pending", False, 1),
        ("completed", True, 1),
        ("pending", False, 2),
    ]
    assert {task_id: sandbox.store.get(task_id).record for task_id in still} == still


async def test_demo_tasks_cancel_as_documented() -> None:
    """The pending demo task can be canceled, the started one reads pending and refuses."""
    sandbox = seeded(0)
    async with client_of(sandbox) as client:
        started = (await client.get(f"/task/{DEMO_STARTED}")).json()["status"]
        codes = [(await client.post(f"/task/{each}/cancel")).status_code for each in (DEMO_PENDING, DEMO_STARTED)]

    assert (started, codes) == ("pending", [200, 400])


def test_lifecycle_moves_every_way_and_is_deterministic() -> None:
    """An hour brings completions, errors, recalls and audits, the same in each run."""

    def hour() -> tuple[Counter[str], list[Any]]:
        sandbox = seeded(200)
        happened: Counter[str] = Counter()
        sandbox.store.on_event = lambda row: happened.update(
            [row.record["status"], *(["audit"] if "audits" in row.record else [])]
        )
        for _ in range(120):
            sandbox.clock.advance(30)
            sandbox.step()
        return happened, [row.record for row in sandbox.store.tasks()]

    first, second = hour(), hour()

    assert first == second
    assert all(first[0][kind] > 20 for kind in ("completed", "error", "pending", "audit"))


async def test_created_task_starts_and_completes_in_time() -> None:
    """With a live key a created task is pending, then not cancellable, then completed."""
    sandbox = make_sandbox(moves_per_s=0)
    async with client_of(sandbox) as client:
        task_id = (await client.post("/task/transcription", json={})).json()["task_id"]
    row = sandbox.store.get(task_id)
    seen = []
    for _ in range(3):
        sandbox.step()
        seen.append((row.record["status"], row.work_started))
        sandbox.clock.advance(25)

    assert seen == [("pending", False), ("pending", True), ("completed", True)]


async def test_run_moves_tasks_until_cancelled() -> None:
    """The endless loop steps and delivers with the clock, and ends when cancelled."""
    receiver = Receiver()
    sandbox = make_sandbox(deliver=receiver)
    row = sandbox.store.add_task(callback_url="https://hook", moves=False)
    sandbox.lifecycle.swing(row.task_id)
    running = asyncio.create_task(sandbox.run())
    for _ in range(200):
        sandbox.clock.advance(0.25)
        for _ in range(5):
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert [call[2]["status"] for call in receiver.calls] == ["completed", "pending"]


async def test_callback_request() -> None:
    """One POST with the account's secret, the task as it was, and its answer; then the task says it was taken."""
    receiver = Receiver()
    sandbox = make_sandbox(deliver=receiver)
    row = sandbox.store.add_task(callback_url="https://hooks.example.com/scale?a=b")
    sandbox.store.complete(row.task_id, {"annotations": []})
    taken = await sandbox.deliver_callbacks()
    url, headers, body = receiver.calls[0]

    assert (taken, url) == (1, "https://hooks.example.com/scale?a=b")
    assert headers == {
        "content-type": "application/json",
        "scale-callback-auth": sandbox.callback_auth_key,
    }
    assert (body["status"], body["task_id"], body["response"]) == ("completed", row.task_id, {"annotations": []})
    assert body["task"] | {"callback_completed": True} == row.record
    assert await sandbox.deliver_callbacks() == 0


async def test_callbacks_tell_of_error_recall_and_audit() -> None:
    """Each event of a task is one callback, the newest state in each."""
    receiver = Receiver()
    sandbox = make_sandbox(deliver=receiver)
    for task_id in ("a", "b"):
        sandbox.store.add_task(task_id=task_id, callback_url="http://hook")
    sandbox.store.fail("a")
    sandbox.store.complete("b")
    sandbox.store.audit("b", "rejected", by="x@example.com", source="customer")
    sandbox.store.recall("b")
    await sandbox.deliver_callbacks()

    assert [call[2]["status"] for call in receiver.calls] == ["error", "completed", "completed", "pending"]
    assert receiver.calls[2][2]["task"]["customer_review_status"] == "rejected"
    assert "response" not in receiver.calls[3][2]


async def test_callback_goes_to_the_account_unless_it_is_an_email() -> None:
    """The account's default URL is used where a task names none; an e-mail address is never posted to."""
    receiver = Receiver()
    sandbox = make_sandbox(deliver=receiver, default_callback_url="https://account")
    sandbox.store.add_task(task_id="none")
    sandbox.store.add_task(task_id="mail", callback_url="labels@example.com")
    for task_id in ("none", "mail"):
        sandbox.store.complete(task_id)
    await sandbox.deliver_callbacks()

    assert [(call[0], call[2]["task_id"]) for call in receiver.calls] == [("https://account", "none")]


async def test_failed_callbacks_are_tried_again() -> None:
    """A refusal and an exception are failed tries; the next comes after a growing wait."""
    receiver = Receiver(500, OSError("refused"))
    sandbox = make_sandbox(deliver=receiver)
    row = sandbox.store.add_task(callback_url="https://hook")
    sandbox.store.complete(row.task_id)
    tries = []
    for _ in range(4):
        await sandbox.deliver_callbacks()
        tries.append(len(receiver.calls))
        sandbox.clock.advance(5)

    assert tries == [1, 2, 3, 3]
    assert row.record["callback_completed"] is True


async def test_callbacks_end_after_20_tries() -> None:
    """Twenty failures over the whole span, then the task says that its callback was not taken."""
    receiver = Receiver(*[503] * 30)
    sandbox = make_sandbox(deliver=receiver, callback_flag="callback_succeeded")
    row = sandbox.store.add_task(callback_url="https://hook")
    sandbox.store.complete(row.task_id)
    for _ in range(70):
        await sandbox.deliver_callbacks()
        sandbox.clock.advance(20)

    assert len(receiver.calls) == 20
    assert row.record["callback_succeeded"] is False
    assert len(sandbox.callbacks.waiting) == 0


def test_waits_between_tries_grow_and_fill_the_span() -> None:
    """Nineteen growing waits between twenty tries make the configured span."""
    waits = [next_wait_s(tries, ScaleOptions(callback_span_s=60)) for tries in range(1, 21)]
    numbers = [wait for wait in waits if wait is not None]

    assert waits[-1] is None
    assert numbers == sorted(numbers)
    assert sum(numbers) == pytest.approx(60)


async def test_send_callback_delivers_again() -> None:
    """A completed or errored task's callback is sent once more on request, a pending one's is refused."""
    receiver = Receiver()
    sandbox = make_sandbox(deliver=receiver)
    sandbox.store.add_task(task_id="done", status="completed", callback_url="https://hook")
    sandbox.store.add_task(task_id="open", callback_url="https://hook")
    async with client_of(sandbox) as client:
        sent = await client.post("/task/done/send_callback")
        refused = await client.post("/task/open/send_callback")
    await sandbox.deliver_callbacks()

    assert (sent.json(), refused.status_code, len(receiver.calls)) == ({"success": True}, 400, 1)
