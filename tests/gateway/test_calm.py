"""The whole gateway while backends hiccup: many clients, an outage, random faults, and what each costs."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from gateway.demo import DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.scale.seed import DEMO_PENDING
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

ONE = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ status isStale fetchedAt }} }}'
LOOKUP = """query($by: [TaskBy!]!) { lookupTasks(by: $by) {
  __typename ... on Task { status isStale } ... on TaskError { code retryable }
} }"""
CIRCUIT = "{ backends { backend circuit lastFailure } }"


def scale_ids(sandbox: DemoSandbox, count: int, status: str = "pending") -> list[str]:
    rows = [row for row in sandbox.scale.store.tasks() if row.record["status"] == status]
    return [str(row.record["task_id"]) for row in rows[:count]]


async def look_up(gateway: World, ids: list[str]) -> list[dict[str, Any]]:
    answer = await gateway.data(LOOKUP, by=[{"scaleTaskId": task_id} for task_id in ids])
    tasks: list[dict[str, Any]] = answer["lookupTasks"]
    return tasks


def hold_answers(gateway: World) -> asyncio.Event:
    """Scale answers nothing before the event is set."""
    answering = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await answering.wait()

    gateway.sandbox.scale.faults.latency_s = 1
    gateway.sandbox.scale.faults.sleep = sleep
    return answering


async def turn() -> None:
    """Lets refreshes behind an answer run to their end."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_500_clients_one_call() -> None:
    """Five hundred clients who ask for the same cold task at once cost one call, also when the first one leaves."""
    async with world() as gateway:
        answering = hold_answers(gateway)
        first = asyncio.create_task(gateway.data(ONE))
        await turn()
        others = [asyncio.create_task(gateway.data(ONE)) for _ in range(500)]
        await turn()
        first.cancel()
        await turn()
        answering.set()
        answers = await asyncio.gather(*others)

        assert first.cancelled()
        assert gateway.calls() == (1, 0)
    assert {answer["task"]["status"] for answer in answers} == {"PENDING"}


async def test_stale_over_graphql() -> None:
    """A stale task is answered while the backend hangs, with isStale, and refreshed once."""
    async with world() as gateway:
        await gateway.data(ONE)
        gateway.sandbox.scale.clock.advance(11)
        answering = hold_answers(gateway)

        answers = await asyncio.gather(*(gateway.data(ONE) for _ in range(20)))
        answering.set()
        await turn()
        refreshed = await gateway.data(ONE)

        assert all(answer["task"]["isStale"] for answer in answers)
        assert not refreshed["task"]["isStale"]
        assert gateway.calls() == (2, 0)


async def test_no_cache_header() -> None:
    """A request with Cache-Control: no-cache pays for a read and never gets a stale task."""
    async with world() as gateway:
        await gateway.data(ONE)
        gateway.sandbox.scale.clock.advance(5)

        headers = {"cache-control": "max-age=0, No-Cache"}
        response = await gateway.client.post("/graphql", json={"query": ONE}, headers=headers)
        cached = await gateway.data(ONE)

        assert response.json()["data"] == cached
        assert gateway.calls() == (2, 0)


async def test_ten_minutes_of_outage() -> None:
    """All tasks read in the last day answer at once, marked; the backend sees probes only; then all is fresh again."""
    async with world(waits_on_clock=True) as gateway:
        clock, faults = gateway.sandbox.scale.clock, gateway.sandbox.scale.faults
        ids = scale_ids(gateway.sandbox, 60)
        await look_up(gateway, ids[:20])
        clock.advance(20 * 3600)
        await look_up(gateway, ids[20:])
        clock.advance(60)
        faults.add(Fault(kind="status", status=503))

        calls_by_10_s: Counter[int] = Counter()
        for seconds in range(0, 600, 5):
            calls, before = len(faults.recorder), clock.now()
            tasks = await look_up(gateway, ids)
            await turn()
            assert clock.now() == before
            assert [task["__typename"] for task in tasks] == ["Task"] * 60
            assert all(task["isStale"] for task in tasks)
            calls_by_10_s[seconds // 10] += len(faults.recorder) - calls
            clock.advance(5)
            await turn()
        (circuit,) = [one for one in (await gateway.data(CIRCUIT))["backends"] if one["backend"] == "SCALE"]

        faults.clear()
        recovered_s = 0
        while any(task["isStale"] for task in await look_up(gateway, ids)):
            await turn()
            clock.advance(2)
            recovered_s += 2

    # The calls under way when it opens are answered by all; from then on three probes at most each ten seconds.
    assert max(list(calls_by_10_s.values())[1:]) <= 3
    assert sum(calls_by_10_s.values()) >= 20 + 50
    assert circuit["circuit"] in ("OPEN", "HALF_OPEN")
    assert circuit["lastFailure"] == "BACKEND_UNAVAILABLE"
    assert recovered_s <= 20


async def test_outage_of_the_only_source() -> None:
    """A task that was never read fails typed, at once while the circuit is open; the other backend is whole."""
    async with world() as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind="drop"))
        ids = scale_ids(gateway.sandbox, 40)
        await look_up(gateway, ids)
        calls = gateway.calls()

        tasks = await look_up(gateway, ids)

        assert gateway.calls() == calls
        assert {task["code"] for task in tasks} == {"BACKEND_UNAVAILABLE"}
        assert all(task["retryable"] for task in tasks)


async def test_30_percent_faults_at_100_reads_a_second() -> None:
    """Every read succeeds or fails typed, and the backend sees at most 1.25 calls a read."""
    reads, seconds = 1500, 15
    async with world(DemoSandbox(SandboxClock.manual()), waits_on_clock=True) as gateway:
        clock, faults = gateway.sandbox.scale.clock, gateway.sandbox.scale.faults
        for fault in (
            Fault(kind="status", status=503, probability=0.09),
            Fault(kind="status", status=408, probability=0.08),
            Fault(kind="drop", probability=0.09),
            Fault(kind="html", probability=0.08),
        ):
            faults.add(fault)
        ids = scale_ids(gateway.sandbox, reads)
        assert len(ids) > 500
        asking = []
        for number in range(reads):
            asking.append(asyncio.create_task(look_up(gateway, [ids[number % len(ids)]])))
            clock.advance(seconds / reads)
            for _ in range(20):
                await asyncio.sleep(0)
        while not all(task.done() for task in asking):
            clock.advance(0.1)
            await turn()
        outcomes = Counter(task.result()[0].get("code", "fine") for task in asking)
        calls = gateway.calls()[0]

    faulty = sum(outcomes[code] for code in ("BACKEND_UNAVAILABLE", "BACKEND_TIMEOUT"))
    assert outcomes["fine"] + faulty == reads
    assert outcomes["fine"] > 0.7 * reads
    assert calls <= 1.25 * reads


async def test_rate_limit_of_calls() -> None:
    """With MAX_CALLS_PER_S calls wait for their turn instead of failing."""
    async with world(waits_on_clock=True, GATEWAY_SCALE__MAX_CALLS_PER_S="10") as gateway:
        ids = scale_ids(gateway.sandbox, 30)
        asking = asyncio.create_task(look_up(gateway, ids))
        await turn()
        at_once = gateway.calls()[0]
        gateway.sandbox.scale.clock.advance(1)
        await turn()
        after_a_second = gateway.calls()[0]
        gateway.sandbox.scale.clock.advance(2)
        tasks = await asking

    assert (at_once, after_a_second) == (10, 20)
    assert {task["__typename"] for task in tasks} == {"Task"}
