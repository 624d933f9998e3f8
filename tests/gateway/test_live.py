"""Subscriptions as clients see them: over WebSocket and SSE, by callback and by watching."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from gateway.cache import Freshness, TaskCache
from gateway.live import Live
from gateway.pace import Pace
from gateway.replicas import Alone
from gateway.repository import TaskRepository
from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE
from gateway.sandbox.scale.seed import DEMO_PENDING
from schema.backend import Backend
from schema.status import TaskStatus
from schema.task import Task
from tests.fakes import FakeBackend, FakeClock, fake_task, scale
from tests.gateway.live_world import CHANGES, LiveWorld, Subscriber, events, live_world, subscriber, until_idle

pytestmark = pytest.mark.anyio

PENDING = {"scaleTaskId": DEMO_PENDING}
SCENE = {"rosetta": {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": DEMO_SCENE}}


async def test_a_callback_reaches_a_socket() -> None:
    """First the state as it stands, then the change, as soon as Scale says so."""
    async with live_world() as gateway, subscriber(gateway.socket_url) as client:
        await client.watch(PENDING)
        first = await client.change()
        await gateway.complete(DEMO_PENDING)
        second = await client.change(2)

    assert (first["task"]["status"], first["previousStatus"], first["error"]) == ("PENDING", None, None)
    assert (second["task"]["status"], second["previousStatus"]) == ("COMPLETED", "PENDING")
    assert first["observedAt"] < second["observedAt"]


async def test_a_callback_reaches_a_stream() -> None:
    """The same over server-sent events."""
    async with live_world() as gateway, httpx.AsyncClient(trust_env=False, timeout=20) as client:
        body = {"query": CHANGES, "variables": {"by": [PENDING]}}
        async with client.stream("POST", gateway.url, json=body, headers={"accept": "text/event-stream"}) as response:
            stream = events(response)
            first = await anext(stream)
            await gateway.complete(DEMO_PENDING)
            second = await anext(stream)

    assert [name for name, _ in (first, second)] == ["next", "next"]
    statuses = [event["data"]["taskChanged"]["task"]["status"] for _, event in (first, second)]
    assert statuses == ["PENDING", "COMPLETED"]


async def test_rosetta_is_watched() -> None:
    """Rosetta calls nobody back: its changes come by asking."""
    async with live_world(GATEWAY_WATCH__MIN_S="0.2") as gateway, subscriber(gateway.socket_url) as client:
        await client.watch(SCENE)
        first = await client.change()
        gateway.sandbox.rosetta.store.set_status(DEMO_REQUEST, DEMO_SCENE, 11)
        second = await client.change()

    assert (first["task"]["status"], second["task"]["status"]) == ("IN_REVIEW", "COMPLETED")


async def test_scale_without_callbacks_is_watched() -> None:
    """A Scale task that nobody calls back for is seen all the same, in a sweep over its project or by itself."""
    async with live_world(GATEWAY_WATCH__MIN_S="0.2") as gateway, subscriber(gateway.socket_url) as client:
        store = gateway.sandbox.scale.store
        project = store.get(DEMO_PENDING).record["project"]
        ids = [row.task_id for row in store.tasks() if row.record.get("project") == project][:20]
        await client.watch(*({"scaleTaskId": task_id} for task_id in ids))
        for _ in ids:
            await client.change()
        store.patch(ids[7], status="canceled")
        changed = await client.change()
        await asyncio.sleep(0.5)
        swept = [seen for seen in gateway.sandbox.scale.faults.recorder if seen.path == "/v1/tasks"]

    assert (changed["index"], changed["task"]["status"]) == (7, "CANCELED")
    assert swept


async def test_each_entry_has_its_own_outcome() -> None:
    """An unknown task, a malformed id and a good one side by side: the good one goes on."""
    async with live_world() as gateway, subscriber(gateway.socket_url) as client:
        await client.watch({"scaleTaskId": "unknown"}, {"scaleTaskId": "a/b"}, PENDING, PENDING)
        told = {change["index"]: change for change in [await client.change() for _ in range(4)]}
        await gateway.complete(DEMO_PENDING)
        later = [(await client.change())["index"] for _ in range(2)]

    assert told[0]["error"]["__typename"] == "TaskNotFoundError"
    assert told[1]["error"] == {
        "__typename": "BadInputError",
        "code": "BAD_USER_INPUT",
        "path": ["by", "1", "scaleTaskId"],
    }
    assert (told[2]["task"]["status"], told[3]["task"]["status"]) == ("PENDING", "PENDING")
    assert later == [2, 3]


async def test_a_stream_ends_with_its_last_task() -> None:
    """When nothing is left that could change, the subscription completes."""
    async with live_world() as gateway, subscriber(gateway.socket_url) as client:
        name = await client.watch({"scaleTaskId": "unknown"})
        await client.change()
        last = await client.hear()

    assert last == {"id": name, "type": "complete"}


async def test_a_failing_backend_comes_back() -> None:
    """While its backend fails a task is told as failing, at no cost to the others; then as it stands."""
    async with live_world(GATEWAY_WATCH__MIN_S="0.2") as gateway, subscriber(gateway.socket_url) as client:
        gateway.sandbox.rosetta.faults.add(Fault(kind="status", status=500))
        await client.watch(SCENE, PENDING)
        told = {change["index"]: change for change in [await client.change(), await client.change()]}
        gateway.sandbox.rosetta.faults.clear()
        recovered = await client.change()

    assert (told[0]["error"]["code"], told[0]["error"]["backend"]) == ("BACKEND_UNAVAILABLE", "ROSETTA")
    assert told[1]["task"]["status"] == "PENDING"
    assert recovered["task"]["status"] == "IN_REVIEW"


async def test_too_many_tasks() -> None:
    """At most 100 tasks a subscription; more is refused before anything is asked."""
    async with live_world() as gateway, subscriber(gateway.socket_url) as client:
        await client.watch(*[PENDING] * 101)
        refused = await client.hear()
        calls = gateway.calls()

    assert (refused["type"], calls) == ("error", 0)
    assert refused["payload"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "TOO_COMPLEX")


async def test_a_thousand_listeners_on_two_hundred_tasks() -> None:
    """Backend calls grow with tasks, not listeners; when all have gone nothing runs on."""
    async with live_world(GATEWAY_WATCH__MIN_S="600", GATEWAY_WATCH__MAX_S="600") as gateway:
        ids = [row.task_id for row in gateway.sandbox.scale.store.tasks() if row.record["status"] == "pending"][:200]
        gateway.sandbox.scale.faults.add(Fault(kind="slow", seconds=0.05))
        before = asyncio.all_tasks()
        await _listen_and_change(gateway, ids)
        await until_idle(before)
        calls = gateway.calls()

    assert len(ids) == 200
    assert calls == 201


async def _listen_and_change(gateway: LiveWorld, ids: list[str]) -> None:
    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        listening = asyncio.Semaphore(0)

        async def client(number: int) -> int:
            async with subscriber(gateway.socket_url) as one:
                for n in range(20):
                    await one.watch({"scaleTaskId": ids[(number * 20 + n) % 200]})
                for _ in range(20):
                    await one.change(60)
                listening.release()
                return 1 if number % 10 else int((await one.change(60))["task"]["status"] == "COMPLETED")

        clients = [group.create_task(client(number)) for number in range(50)]
        for _ in range(50):
            await listening.acquire()
        await gateway.complete(ids[0])
    assert sum(one.result() for one in clients) == 50


async def test_listeners_that_vanish() -> None:
    """A socket that is cut without a word leaves no task running, and its watch ends."""
    async with live_world() as gateway:
        before = asyncio.all_tasks()
        async with subscriber(gateway.socket_url) as client:
            await client.watch(PENDING)
            await client.change()
            client.connection.transport.abort()
        await until_idle(before)


LARGE = "subscription($by: [TaskBy!]!) { taskChanged(by: $by) { task { timesRedone params } } }"


async def test_a_listener_that_stops_reading() -> None:
    """One that takes nothing in holds up nobody and piles nothing up: when it reads on it is told the latest state."""
    async with (
        live_world() as gateway,
        subscriber(gateway.socket_url) as other,
        subscriber(gateway.socket_url) as slow,
    ):
        store = gateway.sandbox.scale.store
        store.patch(DEMO_PENDING, params={"padding": "x" * 600_000}, callback_url="http://gateway.sandbox/")
        await slow.watch(PENDING, query=LARGE)
        await slow.change()
        slow.connection.transport.pause_reading()
        await other.watch(PENDING)
        await other.change()
        for number in range(1, 31):
            store.patch(DEMO_PENDING, times_redone=number)
            await gateway.complete(DEMO_PENDING)
            await other.change(5)
        slow.connection.transport.resume_reading()
        told = [0]
        while told[-1] < 30:
            told.append((await slow.change())["task"]["timesRedone"])

    assert len(told) < 30
    assert told == sorted(told)


@pytest.mark.parametrize("garbage", ["{", "null", "[]", '{"type": 5}', '{"type": "subscribe"}', "x" * 100_000])
async def test_garbage(garbage: str) -> None:
    """A socket that sends garbage is closed; what ran on it ends."""
    async with live_world() as gateway:
        before = asyncio.all_tasks()
        async with subscriber(gateway.socket_url) as client:
            await client.watch(PENDING)
            await client.change()
            await client.connection.send(garbage)
            with pytest.raises(ConnectionClosed):
                await _hear_all(client)
        await until_idle(before)


async def _hear_all(client: Subscriber) -> None:
    while True:
        await client.hear()


async def test_ten_thousand_subscriptions() -> None:
    """Above the limit of a socket each subscription is refused by name; those within it live on, at one call."""
    # However long the 10,000 take, the watch asks nothing meanwhile: what is counted is what the listeners cost.
    async with live_world(GATEWAY_WATCH__MIN_S="600", GATEWAY_WATCH__MAX_S="600") as gateway:
        before = asyncio.all_tasks()
        async with subscriber(gateway.socket_url) as client:
            for _ in range(20):
                await client.watch(PENDING)
                await client.change()
            refused = 0
            for start in range(0, 9_980, 499):
                for _ in range(start, start + 499):
                    await client.watch(PENDING)
                for _ in range(499):
                    message = await client.hear()
                    refused += message["payload"][0]["extensions"].get("limit") == "subscriptions"
            await gateway.complete(DEMO_PENDING)
            heard = [await client.change() for _ in range(20)]
            calls = gateway.calls()
        await until_idle(before)

    assert (refused, len(heard), calls) == (9_980, 20, 2)


async def test_reordered_callbacks() -> None:
    """Callbacks that come in the wrong order, twice or too late never take a listener back in time."""
    async with live_world() as gateway, subscriber(gateway.socket_url) as client:
        scale_sandbox = gateway.sandbox.scale
        await client.watch(PENDING)
        told = [await client.change()]
        deliveries = scale_sandbox.callbacks.waiting
        scale_sandbox.store.complete(DEMO_PENDING)
        scale_sandbox.store.recall(DEMO_PENDING)
        scale_sandbox.store.complete(DEMO_PENDING)
        deliveries.reverse()
        deliveries.extend([replace(delivery) for delivery in deliveries])
        await scale_sandbox.deliver_callbacks()
        told.append(await client.change())
        with pytest.raises(TimeoutError):
            told.append(await client.change(0.5))

    assert [change["task"]["status"] for change in told] == ["PENDING", "COMPLETED"]
    moments = [change["task"]["updatedAt"] for change in told]
    assert moments == sorted(moments)


async def test_a_write_is_told() -> None:
    """What is written through the gateway reaches listeners without any read."""
    clock = FakeClock()
    backend = FakeBackend(Backend.SCALE, lambda reference: fake_task(reference))
    tasks = TaskRepository(TaskCache(Freshness(), 10, clock), {Backend.SCALE: backend}, backend, now=clock.now)
    live = Live(
        tasks,
        Pace(5, 60),
        Alone(),
        {},
        now=clock.now,
        clock=clock,
        sleep=asyncio.sleep,
        count_callback=lambda name: None,
    )
    running = asyncio.ensure_future(live.run())
    listener = live.broker.listen([scale("a")])
    first = await listener.take()

    canceled = replace(fake_task(scale("a"), TaskStatus.CANCELED), fetched_at=clock.now() + timedelta(seconds=1))
    tasks.written(canceled)
    second = await listener.take()
    running.cancel()
    await asyncio.wait([running])

    assert first is not None
    assert second is not None
    assert isinstance(second.outcome, Task)
    assert (second.outcome.status, second.previous_status) == (TaskStatus.CANCELED, TaskStatus.PENDING)
    assert len(backend.asked) == 1
