"""Writes and reads that meet: nothing is lost, nothing older comes back."""

import asyncio
import json

import httpx
import pytest

from gateway.sandbox.faults import Fault
from gateway.sandbox.scale.seed import DEMO_PENDING
from gateway.writing.locks import TaskLocks
from tests.fakes import scale
from tests.gateway.live_world import live_world, subscriber
from tests.gateway.world import world
from tests.gateway.writing.account import PENDING, SmallSandbox
from tests.gateway.writing.mutations import mutation

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

TAGS = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ tags metadata isStale }} }}'


async def test_50_writes_of_one_task() -> None:
    """50 concurrent additions and removals end in a state that some serial order allows; what failed says so."""
    names = ["a", "b", "c", "d"]
    writes = [("addTaskTags" if n % 3 else "removeTaskTags", names[n % 4]) for n in range(50)]
    async with world(SmallSandbox()) as gateway:
        answers = await asyncio.gather(
            *(gateway.data(mutation(field), input={"task": PENDING, "tags": [tag]}) for field, tag in writes)
        )
        final = gateway.sandbox.scale.store.get(DEMO_PENDING).record["tags"]
        wire = [
            (it.method, json.loads(it.body), index)
            for index, it in enumerate(gateway.sandbox.scale.faults.recorder)
            if it.method != "GET"
        ]
        cached = (await gateway.data(TAGS))["task"]["tags"]

    payloads = [answer[field] for answer, (field, _) in zip(answers, writes, strict=True)]
    refused = [n for n, payload in enumerate(payloads) if payload["errors"]]
    done = [writes[n] for n in range(50) if n not in refused]
    assert {payloads[n]["errors"][0]["__typename"] for n in refused} <= {"BadInputError"}
    assert sorted(done) == sorted(("addTaskTags" if m == "PUT" else "removeTaskTags", body[0]) for m, body, _ in wire)
    # The order in which they reached Scale is a serial one: played again, it leads to the same tags.
    replayed = ["night", "rain"]
    for method, (tag,), _ in wire:
        replayed = (
            [*(it for it in replayed if it != tag)] if method == "DELETE" else list(dict.fromkeys([*replayed, tag]))
        )
        assert len(replayed) <= 5
    assert final == cached == replayed


async def test_each_write_sees_the_one_before() -> None:
    """The merged set is checked against what the writes before have left: of six new tags three find no room."""
    async with world(SmallSandbox()) as gateway:
        answers = await asyncio.gather(
            *(gateway.data(mutation("addTaskTags"), input={"task": PENDING, "tags": [tag]}) for tag in "abcdef")
        )
        final = gateway.sandbox.scale.store.get(DEMO_PENDING).record["tags"]

    errors = [answer["addTaskTags"]["errors"] for answer in answers]
    assert sum(bool(it) for it in errors) == 3
    assert len(final) == 5


async def test_locks_go_with_their_users() -> None:
    """No lock is kept of a task that nobody writes, also when a writer gives up waiting."""
    locks = TaskLocks()
    async with locks.hold(scale("a")):
        waiting = asyncio.create_task(_hold(locks, "a"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert len(locks) == 1

    assert len(locks) == 0


async def _hold(locks: TaskLocks, task_id: str) -> None:
    async with locks.hold(scale(task_id)):
        raise AssertionError("the lock was free")


async def test_query_after_mutation() -> None:
    """Of one document, first the mutation and then the query: it sees the new state and asks nobody."""
    document = f"""
      mutation Tag($input: SetTaskTagsInput!) {{ setTaskTags(input: $input) {{ task {{ tags }} }} }}
      query Look {{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ tags }} }}
    """
    async with world(SmallSandbox()) as gateway:

        async def run(operation: str) -> object:
            variables = {"input": {"task": PENDING, "tags": ["new"]}}
            body = {"query": document, "operationName": operation, "variables": variables}
            return (await gateway.client.post("/graphql", json=body)).json()["data"]

        before = await run("Look")
        changed = await run("Tag")
        after = await run("Look")
        calls = gateway.calls()

    assert before == {"task": {"tags": ["night", "rain"]}}
    assert changed == {"setTaskTags": {"task": {"tags": ["new"]}}}
    assert after == {"task": {"tags": ["new"]}}
    assert calls == (2, 0)


async def test_an_older_read_in_flight() -> None:
    """A read that began before a write, and ends after it, does not put the older state back."""
    sandbox = SmallSandbox()
    gate, arrived = asyncio.Event(), asyncio.Event()

    async def held(seconds: float) -> None:
        arrived.set()
        await gate.wait()

    sandbox.scale.faults.sleep = held
    sandbox.scale.faults.add(Fault("slow_after", method="GET", times=1))
    async with world(sandbox) as gateway:
        reading = asyncio.create_task(gateway.data(TAGS))
        await arrived.wait()
        await gateway.data(mutation("setTaskTags"), input={"task": PENDING, "tags": ["new"]})
        gate.set()
        await reading
        after = (await gateway.data(TAGS))["task"]

    assert after["tags"] == ["new"]


async def test_one_after_the_other() -> None:
    """Mutations of one document run in their order, each seeing what the one before did."""
    document = """mutation($by: TaskBy!) {
      a: setTaskTags(input: {task: $by, tags: ["1"]}) { task { tags } }
      b: addTaskTags(input: {task: $by, tags: ["2"]}) { task { tags } }
      c: setTaskMetadata(input: {task: $by, metadata: {n: 1}}) { task { tags metadata } }
      d: cancelTask(input: {task: $by, clearUniqueId: true}) { task { tags status uniqueId } }
      e: setTaskTags(input: {task: $by, tags: ["1", ""]}) { task { tags } errors { code } }
      f: removeTaskTags(input: {task: $by, tags: ["1"]}) { task { tags status } }
    }"""
    async with world(SmallSandbox()) as gateway:
        data = await gateway.data(document, by=PENDING)
        sent = [it.path.rpartition("/")[2] for it in gateway.sandbox.scale.faults.recorder if it.method != "GET"]

    assert sent == ["tags", "tags", "setMetadata", "cancel", "tags"]
    assert data == {
        "a": {"task": {"tags": ["1"]}},
        "b": {"task": {"tags": ["1", "2"]}},
        "c": {"task": {"tags": ["1", "2"], "metadata": {"n": 1}}},
        "d": {"task": {"tags": ["1", "2"], "status": "CANCELED", "uniqueId": None}},
        "e": {"task": None, "errors": [{"code": "BAD_USER_INPUT"}]},
        "f": {"task": {"tags": ["2"], "status": "CANCELED"}},
    }


async def test_freed_and_moved_unique_ids() -> None:
    """A unique id that was cleared leads nowhere at once; given to another task it leads there."""
    other = {"scaleTaskId": "5ca1ab1e0000000000000006"}
    look = '{ task(by: {scaleUniqueId: "frames/a b.png"}) { scaleTaskId } }'
    async with world(SmallSandbox()) as gateway:
        first = await gateway.data(look)
        await gateway.data(mutation("clearTaskUniqueId"), input={"task": PENDING})
        second = await gateway.data(look)
        await gateway.data(mutation("setTaskUniqueId"), input={"task": other, "uniqueId": "frames/a b.png"})
        third = await gateway.data(look)

    assert first["task"]["scaleTaskId"] == DEMO_PENDING
    assert second["task"] is None
    assert third["task"] == other


async def test_subscribers_are_told() -> None:
    """Who subscribes to a task hears of a mutation at once, without a question to Scale."""
    async with live_world() as gateway, subscriber(gateway.socket_url) as listener, httpx.AsyncClient() as client:
        await listener.watch(PENDING)
        first = await listener.change()
        body = {"query": mutation("cancelTask"), "variables": {"input": {"task": PENDING}}}
        await client.post(gateway.socket_url.replace("ws:", "http:"), json=body)
        second = await listener.change()
        reads = gateway.sandbox.scale.faults.recorder.count("GET", DEMO_PENDING)

    assert (first["task"]["status"], second["task"]["status"]) == ("PENDING", "CANCELED")
    assert second["previousStatus"] == "PENDING"
    assert reads == 1


async def test_circuit_open() -> None:
    """While Scale's circuit is open, writes fail at once, retryable, and nothing is sent: not one may have happened."""
    creation = {"project": "road", "attachments": ["s3://b/a"], "sceneFormat": "SENSOR_FUSION"}
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status", status=500))
        for n in range(10):
            await gateway.data(
                f'{{ lookupTasks(by: [{{scaleTaskId: "down-{n}"}}, {{scaleTaskId: "{n}"}}]) {{ __typename }} }}'
            )
        gateway.sandbox.scale.faults.clear()
        before = gateway.calls()
        change = await gateway.data(mutation("cancelTask"), input={"task": PENDING})
        made = await gateway.data(mutation("createMultistageTask"), input=creation)
        review = await gateway.data(mutation("reviewTask"), input={"task": PENDING, "accepted": True})
        after = gateway.calls()

    payloads = [change["cancelTask"], made["createMultistageTask"], review["reviewTask"]]
    assert [(it["errors"][0]["code"], it["errors"][0]["retryable"]) for it in payloads] == [
        ("BACKEND_UNAVAILABLE", True)
    ] * 3
    assert before == after


async def test_harmless_changes_are_tried_again() -> None:
    """A change whose answer gets lost once is sent again and succeeds; a review would not be."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("drop_after", method="PUT", times=1))
        data = await gateway.data(mutation("addTaskTags"), input={"task": PENDING, "tags": ["new"]})
        puts = gateway.sandbox.scale.faults.recorder.count("PUT")

    assert data["addTaskTags"]["task"]["tags"] == ["night", "rain", "new"]
    assert puts == 2
