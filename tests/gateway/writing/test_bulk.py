"""Bulk mutations: results in input order, each task once, one failure never stops the rest."""

import asyncio
from typing import Any

import pytest

from gateway.sandbox.faults import Fault
from gateway.sandbox.scale.seed import DEMO_PENDING
from tests.gateway.world import World, world
from tests.gateway.writing.account import COMPLETED, FAILED, PENDING, ROSETTA_BY, STARTED, SmallSandbox
from tests.gateway.writing.mutations import mutation

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]


async def results(gateway: World, field: str, **given: object) -> list[dict[str, Any]]:
    """The results of one bulk mutation."""
    payload = (await gateway.data(mutation(field), input=given))[field]
    found: list[dict[str, Any]] = payload["results"]
    return found


def outcome(result: dict[str, Any]) -> str:
    """The task's status, or the type of the error."""
    if result["task"] is None:
        (error,) = result["errors"]
        return str(error["__typename"])
    assert result["errors"] == []
    return str(result["task"]["status"])


async def test_cancelling_100() -> None:
    """Of 100 names each has its result in its place, at the cost of at most 92 cancel calls."""
    sandbox = SmallSandbox()
    store = sandbox.scale.store
    pending = [store.add_task(unique_id=f"p-{n}").task_id for n in range(77)]
    completed = [store.add_task(status="completed").task_id for n in range(10)]
    wanted: list[tuple[dict[str, Any], str]] = [
        *(({"scaleTaskId": task_id}, "CANCELED") for task_id in pending),
        *(({"scaleTaskId": task_id}, "ActionNotAllowedError") for task_id in completed),
        *(({"scaleTaskId": f"unknown-{n}"}, "TaskNotFoundError") for n in range(5)),
        *((ROSETTA_BY, "ActionNotSupportedError") for n in range(5)),
        ({"scaleTaskId": pending[3]}, "CANCELED"),
        ({"scaleUniqueId": "p-4"}, "CANCELED"),
        ({"scaleTaskId": completed[0]}, "ActionNotAllowedError"),
    ]
    wanted = wanted[50:] + wanted[:50]
    async with world(sandbox) as gateway:
        found = await results(gateway, "cancelTasks", tasks=[by for by, _ in wanted])
        cancels = sandbox.scale.faults.recorder.count("POST", "/cancel$")
        _, rosetta_calls = gateway.calls()

    assert [outcome(result) for result in found] == [expected for _, expected in wanted]
    for (by, expected), result in zip(wanted, found, strict=True):
        if expected == "CANCELED" and "scaleTaskId" in by:
            assert result["task"]["scaleTaskId"] == by["scaleTaskId"]
        if expected == "ActionNotAllowedError":
            assert result["errors"][0]["task"] == {"status": "COMPLETED"}
    assert (cancels, rosetta_calls) == (92, 0)


async def test_one_failure_stops_nothing() -> None:
    """A task that Scale fails on, one that is badly named and one that is unknown leave the others done."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status", status=500, path=f"{DEMO_PENDING}/tags$"))
        found = await results(
            gateway,
            "removeTagsFromTasks",
            tasks=[PENDING, COMPLETED, {"scaleTaskId": "a/b"}, {"scaleUniqueId": "none"}, STARTED],
            tags=["x"],
        )

    assert [outcome(result) for result in found] == [
        "BackendError",
        "COMPLETED",
        "BadInputError",
        "TaskNotFoundError",
        "PENDING",
    ]
    assert found[2]["errors"][0]["path"] == ["input", "tasks", "2", "scaleTaskId"]


async def test_adding_tags() -> None:
    """Each task keeps its own tags; the one that would have too many is refused alone."""
    async with world(SmallSandbox()) as gateway:
        found = await results(gateway, "addTagsToTasks", tasks=[PENDING, FAILED], tags=["a", "b", "c", "d"])

    assert found[0]["errors"][0]["path"] == ["input", "tags"]
    assert found[1]["task"]["tags"] == ["a", "b", "c", "d"]


async def test_setting_metadata() -> None:
    """Every task gets the whole metadata."""
    async with world(SmallSandbox()) as gateway:
        found = await results(gateway, "setMetadataOfTasks", tasks=[PENDING, FAILED], metadata={"a": 1})

    assert [result["task"]["metadata"] for result in found] == [{"a": 1}] * 2


async def test_bad_change_is_bad_for_each() -> None:
    """What is wrong with the change is told for each task, a bad name before it; nothing is sent."""
    async with world(SmallSandbox()) as gateway:
        found = await results(gateway, "addTagsToTasks", tasks=[PENDING, {"scaleTaskId": ""}], tags=["a", ""])
        calls = gateway.calls()

    assert [result["errors"][0]["path"] for result in found] == [
        ["input", "tags", "1"],
        ["input", "tasks", "1", "scaleTaskId"],
    ]
    assert calls == (0, 0)


async def test_too_many_and_none() -> None:
    """More than 100 names are refused as a whole, none is no work."""
    async with world(SmallSandbox()) as gateway:
        answer = await gateway.answer(mutation("cancelTasks"), input={"tasks": [PENDING] * 101})
        none = await results(gateway, "cancelTasks", tasks=[])
        calls = gateway.calls()

    assert answer["data"] == {"cancelTasks": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert answer["errors"][0]["extensions"]["argumentPath"] == ["input", "tasks"]
    assert (none, calls) == ([], (0, 0))


async def test_unique_ids_are_two_questions() -> None:
    """100 names by unique id are resolved by one call per 50."""
    sandbox = SmallSandbox()
    names = [f"u-{n}" for n in range(100)]
    for name in names:
        sandbox.scale.store.add_task(unique_id=name)
    async with world(sandbox) as gateway:
        found = await results(gateway, "cancelTasks", tasks=[{"scaleUniqueId": name} for name in names])
        look_ups = sandbox.scale.faults.recorder.count("GET", "/tasks$")

    assert [result["task"]["uniqueId"] for result in found] == names
    assert look_ups == 2


async def test_concurrency_is_bounded() -> None:
    """A bulk mutation has at most 16 calls under way and leaves room for others."""
    sandbox = SmallSandbox()
    ids = [sandbox.scale.store.add_task().task_id for _ in range(100)]
    running, most = 0, 0

    async def slow(seconds: float) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1

    sandbox.scale.faults.sleep = slow
    sandbox.scale.faults.latency_s = 1
    async with world(sandbox) as gateway:
        found = await results(gateway, "cancelTasks", tasks=[{"scaleTaskId": task_id} for task_id in ids])

    assert [outcome(result) for result in found] == ["CANCELED"] * 100
    assert most == 16


async def test_hanging_backend() -> None:
    """A bulk mutation ends by TIMEOUT_S as a whole, however many tasks are still waiting their turn."""
    sandbox = SmallSandbox()
    ids = [sandbox.scale.store.add_task().task_id for _ in range(50)]
    async with world(sandbox, GATEWAY_SCALE__TIMEOUT_S="0.5") as gateway:
        sandbox.scale.faults.add(Fault("hang"))
        loop = asyncio.get_running_loop()
        started = loop.time()
        found = await results(gateway, "setMetadataOfTasks", tasks=[{"scaleTaskId": it} for it in ids], metadata={})
        seconds = loop.time() - started
        sent = len(sandbox.scale.faults.recorder)

    assert {result["errors"][0]["code"] for result in found} == {"BACKEND_TIMEOUT"}
    # Four rounds of 16 would take 2 s; the bound is generous, as the machine is shared.
    assert seconds < 1.5
    assert sent == 16
