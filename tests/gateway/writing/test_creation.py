"""Creating tasks: one task exists afterwards, whatever happens to the answers."""

import asyncio
import json
from typing import Any

import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.scale.store import TaskRow
from tests.gateway.world import World, world
from tests.gateway.writing.account import SmallSandbox
from tests.gateway.writing.mutations import mutation

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

PATH = "/task/multistage$"
INPUT = {"project": "road", "attachments": ["s3://bucket/scene.sfs"], "sceneFormat": "SENSOR_FUSION"}


async def created(gateway: World, **given: object) -> dict[str, Any]:
    """The payload of one creation."""
    answer = await gateway.data(mutation("createMultistageTask"), input={**INPUT, **given})
    payload: dict[str, Any] = answer["createMultistageTask"]
    return payload


def made(gateway: World) -> list[TaskRow]:
    """The multistage tasks that exist at Scale."""
    return [row for row in gateway.sandbox.scale.store.tasks() if row.record["type"] == "multistage"]


def tries(gateway: World) -> int:
    """How often a creation was sent."""
    return gateway.sandbox.scale.faults.recorder.count("POST", PATH)


async def test_everything_that_can_be_given() -> None:
    """Each field reaches Scale under its name there; nothing that was not given is sent, no null either."""
    given = {
        "batch": "road 1",
        "instruction": "Do",
        "callbackUrl": "https://example.com/hook",
        "taskBlueprintId": "blueprint",
        "metadata": {"n": 2**70},
        "uniqueId": "s3://bucket/a b",
        "clearUniqueIdOnError": True,
        "priority": 30,
        "tags": ["a", "b", "a"],
        "idempotencyKey": "k-1",
    }
    async with world(SmallSandbox()) as gateway:
        full = await created(gateway, **given)
        bare = await created(gateway, instruction=None, priority=None, tags=None)
        first, second = gateway.sandbox.scale.faults.recorder.matching("POST", PATH)

    assert full["errors"] == bare["errors"] == []
    assert json.loads(first.body) == {
        "project": "road",
        "batch": "road 1",
        "attachments": ["s3://bucket/scene.sfs"],
        "scene_format": "sensor_fusion",
        "instruction": "Do",
        "callback_url": "https://example.com/hook",
        "task_blueprint_id": "blueprint",
        "metadata": {"n": 2**70},
        "unique_id": "s3://bucket/a b",
        "clear_unique_id_on_error": True,
        "priority": 30,
        "tags": ["a", "b"],
    }
    assert first.headers["idempotency-key"] == "k-1"
    assert json.loads(second.body) == {
        "project": "road",
        "attachments": ["s3://bucket/scene.sfs"],
        "scene_format": "sensor_fusion",
    }
    assert second.headers["idempotency-key"]


async def test_a_unique_id_needs_no_key() -> None:
    """With a unique id no idempotency key is made: the id itself lets one creation through."""
    async with world(SmallSandbox()) as gateway:
        await created(gateway, uniqueId="u")
        (request,) = gateway.sandbox.scale.faults.recorder.matching("POST", PATH)

    assert "idempotency-key" not in request.headers


async def test_the_answer_is_the_whole_task() -> None:
    """Scale's answer names neither project nor batch; the payload and what is cached do."""
    async with world(SmallSandbox()) as gateway:
        payload = await created(gateway, project=None, batch="road 1", uniqueId="u")
        before = gateway.calls()
        cached = await gateway.data('{ task(by: {scaleUniqueId: "u"}) { project batch raw } }')
        after = gateway.calls()

    assert (payload["created"], payload["task"]["project"], payload["task"]["batch"]) == (True, "road", "road 1")
    assert (cached["task"]["project"], cached["task"]["raw"]["batch"]) == ("road", "road 1")
    assert before == after


async def test_task_that_cannot_be_read_yet() -> None:
    """Where the new task cannot be read, the answer holds what is known of it, and nothing of it is cached."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status", status=503, method="GET"))
        payload = await created(gateway)
        gateway.sandbox.scale.faults.clear()
        by = {"scaleTaskId": payload["task"]["scaleTaskId"]}
        read = await gateway.data("query($by: TaskBy!) { task(by: $by) { project } }", by=by)
        gets = gateway.sandbox.scale.faults.recorder.count("GET", f"/task/{by['scaleTaskId']}$")

    assert (payload["created"], payload["errors"], payload["task"]["project"]) == (True, [], "road")
    assert read["task"]["project"] == "road"
    assert gets >= 2


@pytest.mark.parametrize("unique_id", [None, "u"])
async def test_task_whose_reading_hangs(unique_id: str | None) -> None:
    """A created task is answered as created, by TIMEOUT_S, although reading it afterwards hangs."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="0.4") as gateway:
        gateway.sandbox.scale.faults.add(Fault("hang", method="GET"))
        payload = await created(gateway, uniqueId=unique_id)

    assert (payload["created"], payload["errors"], payload["task"]["project"]) == (True, [], "road")


async def test_nothing_was_created_in_time() -> None:
    """A creation that hangs, of which the look-up finds nothing, may be repeated: its unique id makes that harmless."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="0.8") as gateway:
        gateway.sandbox.scale.faults.add(Fault("hang", path=PATH))
        payload = await created(gateway, uniqueId="u")
        look_ups = gateway.sandbox.scale.faults.recorder.count("GET", "/tasks$")

    assert (payload["errors"][0]["code"], payload["errors"][0]["retryable"]) == ("BACKEND_TIMEOUT", True)
    assert look_ups == 1


AFTER: list[FaultKind] = ["status_after", "drop_after", "slow_after", "half", "plain_ok"]


@pytest.mark.parametrize("kind", AFTER)
@pytest.mark.parametrize("times", [1, 2, None])
async def test_lost_answer_with_a_unique_id(kind: FaultKind, times: int | None) -> None:
    """The task was created and its answers got lost: exactly one task exists, and the client gets it."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="1") as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind, path=PATH, times=times, seconds=30))
        payload = await created(gateway, uniqueId="u")
        rows = made(gateway)

    assert payload["errors"] == []
    assert payload["created"] is False
    assert [row.task_id for row in rows] == [payload["task"]["scaleTaskId"]]


@pytest.mark.parametrize("kind", AFTER)
async def test_lost_answer_with_a_key(kind: FaultKind) -> None:
    """With a key only, Scale replays its stored answer: exactly one task exists, and the client gets it."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="1") as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind, path=PATH, times=1, seconds=30))
        payload = await created(gateway)
        rows = made(gateway)
        keys = {it.headers["idempotency-key"] for it in gateway.sandbox.scale.faults.recorder.matching("POST", PATH)}

    assert payload["errors"] == []
    assert payload["created"] is True
    assert [row.task_id for row in rows] == [payload["task"]["scaleTaskId"]]
    assert len(keys) == 1


@pytest.mark.parametrize("key", [None, "mine"])
async def test_stored_answer_is_an_error(key: str | None) -> None:
    """Where Scale stored the error itself, the outcome is unknown, names the key, and is no second task."""
    async with world(SmallSandbox(store_replaced_answer=True)) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status_after", path=PATH, times=1))
        payload = await created(gateway, idempotencyKey=key)
        sent = gateway.sandbox.scale.faults.recorder.matching("POST", PATH)
        rows = made(gateway)

    (error,) = payload["errors"]
    assert (error["__typename"], error["code"], error["retryable"]) == ("BackendError", "OUTCOME_UNKNOWN", False)
    assert sent[0].headers["idempotency-key"] in error["message"]
    assert payload["created"] is False
    assert len(rows) == 1


async def test_all_answers_lost_with_a_key() -> None:
    """When tries run out with a key only, the outcome is unknown: never a second task."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("drop_after", path=PATH))
        payload = await created(gateway, idempotencyKey="mine")
        rows = made(gateway)

    assert payload["errors"][0]["code"] == "OUTCOME_UNKNOWN"
    assert "mine" in payload["errors"][0]["message"]
    assert len(rows) == 1


async def test_hanging_creation_is_unknown() -> None:
    """A creation that hangs ends by its TIMEOUT_S; with a key only nothing is known of it."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="0.5") as gateway:
        gateway.sandbox.scale.faults.add(Fault("hang", path=PATH))
        payload = await created(gateway)

    assert payload["errors"][0]["code"] == "OUTCOME_UNKNOWN"


async def test_nothing_was_created() -> None:
    """With a unique id one look-up decides: where there is no task, the failure is told and may be retried."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status", status=503, path=PATH))
        payload = await created(gateway, uniqueId="u")
        look_ups = gateway.sandbox.scale.faults.recorder.count("GET", "/tasks$")
        rows = made(gateway)

    (error,) = payload["errors"]
    assert (error["code"], error["retryable"]) == ("BACKEND_UNAVAILABLE", True)
    assert (rows, look_ups) == ([], 1)


async def test_nothing_is_known() -> None:
    """Where not even the look-up is answered, the outcome is unknown and names the unique id."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("drop_after"))
        payload = await created(gateway, uniqueId="only-this")

    assert payload["errors"][0]["code"] == "OUTCOME_UNKNOWN"
    assert "only-this" in payload["errors"][0]["message"]


async def test_unique_id_of_another_task() -> None:
    """A unique id that is taken gives the task that has it; nothing is created."""
    async with world(SmallSandbox()) as gateway:
        first = await created(gateway, uniqueId="u")
        second = await created(gateway, uniqueId="u", idempotencyKey="k")
        rows = made(gateway)

    (error,) = second["errors"]
    assert (error["__typename"], error["code"], error["uniqueId"]) == ("UniqueIdConflictError", "CONFLICT", "u")
    assert error["conflictingTask"] == {"scaleTaskId": first["task"]["scaleTaskId"]}
    assert (second["created"], len(rows)) == (False, 1)


@pytest.mark.parametrize("kind", ["drop", "status"])
async def test_lost_answer_about_somebody_elses_task(kind: FaultKind) -> None:
    """A unique id that another task holds is a conflict, also after an answer got lost."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind, path=PATH, times=1))
        payload = await created(gateway, uniqueId="frames/a b.png")
        gateway.sandbox.scale.faults.add(Fault(kind, path=PATH))
        lost = await created(gateway, uniqueId="frames/a b.png")

    assert [it["errors"][0]["__typename"] for it in (payload, lost)] == ["UniqueIdConflictError"] * 2


async def test_conflict_whose_holder_cannot_be_found() -> None:
    """The conflict stands where the look-up fails; after a lost answer nothing is known."""
    async with world(SmallSandbox()) as gateway:
        await created(gateway, uniqueId="u")
        gateway.sandbox.scale.faults.add(Fault("status", status=503, method="GET"))
        plain = await created(gateway, uniqueId="u")
        gateway.sandbox.scale.faults.add(Fault("drop", path=PATH, times=1))
        lost = await created(gateway, uniqueId="u")

    assert plain["errors"][0]["__typename"] == "UniqueIdConflictError"
    assert plain["errors"][0]["conflictingTask"] is None
    assert lost["errors"][0]["code"] == "OUTCOME_UNKNOWN"


async def test_key_used_with_other_input() -> None:
    """The same key with other input is a conflict over the key; with the same input it is the same task."""
    async with world(SmallSandbox()) as gateway:
        first = await created(gateway, idempotencyKey="k", priority=10)
        same = await created(gateway, idempotencyKey="k", priority=10)
        other = await created(gateway, idempotencyKey="k", priority=20)
        also = await created(gateway, idempotencyKey="k", uniqueId="idempotency")
        rows = made(gateway)

    assert same["task"]["scaleTaskId"] == first["task"]["scaleTaskId"]
    for payload in (other, also):
        (error,) = payload["errors"]
        assert (error["__typename"], error["code"]) == ("IdempotencyConflictError", "CONFLICT")
        assert error["idempotencyKey"] == "k"
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{'status_code': 409, 'error': 'The unique_id (\"idempotency\") is already used'}", "UniqueIdConflictError"),
        (b"Idempotency-Key reused (unique_id)", "IdempotencyConflictError"),
        (b"taken", "IdempotencyConflictError"),
    ],
)
async def test_what_a_409_is_about(body: bytes, expected: str) -> None:
    """A 409 is read by its first word that tells, JSON or not; one that tells nothing is looked into."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status", status=409, body=body, path=PATH))
        payload = await created(gateway, idempotencyKey="k", uniqueId="free")

    assert payload["errors"][0]["__typename"] == expected


async def test_twin_at_the_same_moment() -> None:
    """Of two identical creations at once one is told to come again, and both get the one task."""
    sandbox = SmallSandbox(creation_s=1)
    async with world(sandbox, waits_on_clock=True) as gateway:
        twins = [asyncio.create_task(created(gateway, idempotencyKey="k")) for _ in range(2)]
        for _ in range(1000):
            sandbox.scale.clock.advance(0.01)
            await asyncio.sleep(0)
        first, second = await asyncio.gather(*twins)
        rows = made(gateway)

    assert first["errors"] == second["errors"] == []
    assert first["task"] == second["task"]
    assert len(gateway.waits_s) > 0
    assert len(rows) == 1


async def test_too_many_requests() -> None:
    """A 429 that does not end is told as such: nothing was created, and no answer got lost."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status", status=429, retry_after=60))
        payload = await created(gateway)
        sent = tries(gateway)

    (error,) = payload["errors"]
    assert (error["code"], error["retryable"], error["retryAfterSeconds"]) == ("BACKEND_RATE_LIMITED", True, 60)
    assert sent == 1


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "BadInputError", "BAD_USER_INPUT"),
        (401, "BackendError", "BACKEND_REFUSED"),
        (402, "BackendError", "BACKEND_REFUSED"),
        (404, "BackendError", "BACKEND_REFUSED"),
        (413, "BackendError", "BACKEND_BAD_RESPONSE"),
    ],
)
async def test_definite_refusals(status: int, kind: str, code: str) -> None:
    """A refusal is not tried again, also after a lost answer: the key replays what was decided."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("drop", path=PATH, times=1))
        gateway.sandbox.scale.faults.add(Fault("status", status=status, path=PATH))
        payload = await created(gateway, uniqueId="u")

    assert [(it["__typename"], it["code"]) for it in payload["errors"]] == [(kind, code)]
    assert tries(gateway) == 2


async def test_backend_refuses_the_input() -> None:
    """What only Scale can know, such as a project that is not there, is a BadInputError."""
    async with world(SmallSandbox()) as gateway:
        payload = await created(gateway, project="nowhere")

    assert (payload["errors"][0]["__typename"], payload["errors"][0]["path"]) == ("BadInputError", ["input"])


async def test_one_attachment_a_frame() -> None:
    """Attachments are no ids: 500 of them are sent."""
    frames = [f"s3://bucket/{number}.json" for number in range(500)]
    async with world(SmallSandbox()) as gateway:
        payload = await created(gateway, attachments=frames)
        (sent,) = gateway.sandbox.scale.faults.recorder.matching(path="/task/multistage")

    assert payload["errors"] == []
    assert json.loads(sent.body)["attachments"] == frames


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"project": None}, ["project"]),
        ({"project": ""}, ["project"]),
        ({"batch": ""}, ["batch"]),
        ({"attachments": []}, ["attachments"]),
        ({"attachments": ["s3://bucket/a", ""]}, ["attachments", "1"]),
        ({"attachments": ["https://10.0.0.1/a"]}, ["attachments", "0"]),
        ({"attachments": ["http://example.com/a"]}, ["attachments", "0"]),
        ({"instruction": ""}, ["instruction"]),
        ({"callbackUrl": "http://example.com/a"}, ["callbackUrl"]),
        ({"callbackUrl": "nobody"}, ["callbackUrl"]),
        ({"taskBlueprintId": ""}, ["taskBlueprintId"]),
        ({"metadata": "text"}, ["metadata"]),
        ({"metadata": {"a": "x" * 10_240}}, ["metadata"]),
        ({"uniqueId": ""}, ["uniqueId"]),
        ({"uniqueId": "a\nb"}, ["uniqueId"]),
        ({"priority": 15}, ["priority"]),
        ({"tags": ["a", "b", ""]}, ["tags", "2"]),
        ({"tags": list("abcdef")}, ["tags"]),
        ({"idempotencyKey": "a\r\nX-Evil: 1"}, ["idempotencyKey"]),
        ({"idempotencyKey": "é"}, ["idempotencyKey"]),
    ],
)
async def test_bad_input_stays_here(given: dict[str, object], path: list[str]) -> None:
    """What cannot be right is told with its place in the input, and nothing is sent."""
    async with world(SmallSandbox()) as gateway:
        payload = await created(gateway, **given)
        calls = gateway.calls()

    assert [(it["__typename"], it["path"]) for it in payload["errors"]] == [("BadInputError", ["input", *path])]
    assert calls == (0, 0)


async def test_the_demo_takes_its_own_machine() -> None:
    """The demo lets a creation name a server of this machine; elsewhere that has to be set."""
    hook = "http://127.0.0.1:8000/webhooks/scale"
    async with world(SmallSandbox()) as demo:
        allowed = await created(demo, callbackUrl=hook)
    async with world(SmallSandbox(), GATEWAY_SCALE__ALLOWED_HOSTS="") as gateway:
        refused = await created(gateway, callbackUrl=hook)
    async with world(SmallSandbox(), GATEWAY_SCALE__ALLOWED_HOSTS="files.example.com") as gateway:
        named = await created(gateway, attachments=["https://files.example.com/a"])
        other = await created(gateway, attachments=["https://other.example.com/a"])

    assert allowed["errors"] == named["errors"] == []
    assert refused["errors"][0]["path"] == ["input", "callbackUrl"]
    assert other["errors"][0]["path"] == ["input", "attachments", "0"]


async def test_200_creations_under_faults() -> None:
    """200 creations with unique ids, of whose answers 30 % get lost: 200 tasks, 200 answers, none twice, none lost."""
    # Two time out for real, which takes half of TIMEOUT_S; each other share is of what those before it have left.
    faults = [
        Fault("slow_after", path=PATH, times=2, seconds=60),
        Fault("status_after", status=408, path=PATH, probability=0.1),
        Fault("status_after", status=503, path=PATH, probability=0.111),
        Fault("drop_after", path=PATH, probability=0.125),
    ]
    turns = asyncio.Semaphore(20)
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="12") as gateway:
        for fault in faults:
            gateway.sandbox.scale.faults.add(fault)

        async def one(name: str) -> dict[str, Any]:
            async with turns:
                return await created(gateway, uniqueId=name)

        payloads = await asyncio.gather(*(one(f"u-{n}") for n in range(200)))
        rows = made(gateway)
        sent = tries(gateway)

    assert [payload["errors"] for payload in payloads] == [[]] * 200
    assert [payload["task"]["uniqueId"] for payload in payloads] == [f"u-{n}" for n in range(200)]
    assert {payload["task"]["scaleTaskId"] for payload in payloads} == {row.task_id for row in rows}
    assert len(rows) == 200
    assert sent > 230
