"""Changing one task: what goes over the wire, and what each refusal and loss becomes."""

import json
from typing import Any

import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.scale.seed import DEMO_CANCELED, DEMO_COMPLETED, DEMO_PENDING, DEMO_STARTED
from tests.gateway.world import World, world
from tests.gateway.writing.account import (
    CANCELED,
    COMPLETED,
    FAILED,
    PENDING,
    ROSETTA_BY,
    STARTED,
    SmallSandbox,
)
from tests.gateway.writing.mutations import mutation

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

By = dict[str, Any]


async def changed(gateway: World, field: str, **given: object) -> dict[str, Any]:
    """The payload of one mutation."""
    payload: dict[str, Any] = (await gateway.data(mutation(field), input=given))[field]
    return payload


def wire(gateway: World) -> list[tuple[str, str, str, bytes]]:
    """What Scale was sent: method, path behind the task's id, query, body."""
    seen = gateway.sandbox.scale.faults.recorder
    return [(it.method, it.path.removeprefix(f"/v1/task/{DEMO_PENDING}"), it.query, it.body) for it in seen]


async def test_adding_leaves_what_is_there() -> None:
    """addTaskTags on a task with two tags leaves both: the verb is PUT."""
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, "addTaskTags", task=PENDING, tags=["fog", "night", "fog"])
        sent = wire(gateway)

    assert payload["errors"] == []
    assert payload["task"]["tags"] == ["night", "rain", "fog"]
    assert sent == [("GET", "", "", b""), ("PUT", "/tags", "", b'["fog","night"]')]


@pytest.mark.parametrize("levels", [33, 300, 900])
async def test_metadata_that_nests_too_deeply(levels: int) -> None:
    """It is refused naming the bound before anything is sent: what is read back must be answerable."""
    metadata: dict[str, Any] = {}
    for _ in range(levels - 1):
        metadata = {"a": metadata}
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, "setTaskMetadata", task=PENDING, metadata=metadata)
        sent = wire(gateway)

    (error,) = payload["errors"]
    assert (error["__typename"], error["code"]) == ("BadInputError", "BAD_USER_INPUT")
    assert error["message"] == "metadata nests deeper than 32 levels of objects and lists"
    assert error["path"] == ["input", "metadata"]
    assert sent == []


async def test_removing_sends_its_body() -> None:
    """removeTaskTags is a DELETE that carries the tags; those that are not there do not matter."""
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, "removeTaskTags", task=PENDING, tags=["night", "absent", *"abcdef"])
        (request,) = gateway.sandbox.scale.faults.recorder

    assert payload["task"]["tags"] == ["rain"]
    assert (request.method, request.body) == ("DELETE", b'["night","absent","a","b","c","d","e","f"]')
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("field", "given", "path", "body"),
    [
        ("setTaskTags", {"tags": []}, "/tags", b"[]"),
        ("setTaskTags", {"tags": ["x"]}, "/tags", b'["x"]'),
        ("setTaskMetadata", {"metadata": {}}, "/setMetadata", b"{}"),
        ("setTaskMetadata", {"metadata": {"n": 2**70}}, "/setMetadata", b'{"n":1180591620717411303424}'),
    ],
)
async def test_setting_sends_explicit_json(field: str, given: dict[str, object], path: str, body: bytes) -> None:
    """Setting replaces all; an empty list or object is sent as such, and every digit of a number."""
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, field, task=PENDING, **given)
        sent = wire(gateway)
        record = gateway.sandbox.scale.store.get(DEMO_PENDING).record

    assert payload["errors"] == []
    assert sent == [("POST", path, "", body)]
    assert record.get("tags", []) == given.get("tags", ["night", "rain"])
    assert record["metadata"] == given.get("metadata", {"lane": 3})


@pytest.mark.parametrize(("clear", "query"), [(False, ""), (True, "clear_unique_id=true")])
async def test_cancel(clear: bool, query: str) -> None:
    """Cancelling passes clearUniqueId on; without it the unique id stays."""
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, "cancelTask", task=PENDING, clearUniqueId=clear)
        sent = wire(gateway)

    assert payload["task"]["status"] == "CANCELED"
    assert payload["task"]["uniqueId"] == (None if clear else "frames/a b.png")
    assert sent == [("POST", "/cancel", query, b"")]


Action = tuple[str, dict[str, object]]
SETS: list[Action] = [
    ("addTaskTags", {"tags": ["new"]}),
    ("setTaskTags", {"tags": ["new"]}),
    ("removeTaskTags", {"tags": ["new"]}),
    ("setTaskMetadata", {"metadata": {"a": 1}}),
    ("setTaskUniqueId", {"uniqueId": "new"}),
    ("clearTaskUniqueId", {}),
]
REVIEW: Action = ("reviewTask", {"accepted": True, "comments": "fine"})
CANCEL: Action = ("cancelTask", {})
# What each state allows, row by row: the action, and the error it leads to, None for success.
E4: list[tuple[By, Action, str | None]] = [
    *((task, action, None) for task in (PENDING, COMPLETED, CANCELED, FAILED) for action in SETS),
    (PENDING, CANCEL, None),
    (STARTED, CANCEL, "ActionNotAllowedError"),
    (COMPLETED, CANCEL, "ActionNotAllowedError"),
    (CANCELED, CANCEL, None),
    (FAILED, CANCEL, "ActionNotAllowedError"),
    (PENDING, REVIEW, "ActionNotAllowedError"),
    (COMPLETED, REVIEW, None),
    (CANCELED, REVIEW, "ActionNotAllowedError"),
    (FAILED, REVIEW, "ActionNotAllowedError"),
    *((ROSETTA_BY, action, "ActionNotSupportedError") for action in (*SETS, CANCEL, REVIEW)),
]


@pytest.mark.parametrize(("by", "action", "error"), E4)
async def test_what_each_state_allows(by: By, action: Action, error: str | None) -> None:
    """Every cell of the table: success, a refusal with the task as it stands, or no such operation and no call."""
    field, given = action
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, field, task=by, **given)
        calls = gateway.calls()
        standing = "" if "rosetta" in by else gateway.sandbox.scale.store.get(by["scaleTaskId"]).record["status"]

    assert [it["__typename"] for it in payload["errors"]] == ([] if error is None else [error])
    assert (payload["task"] is None) == (error is not None)
    if error == "ActionNotAllowedError":
        statuses = {"pending": "PENDING", "completed": "COMPLETED", "canceled": "CANCELED", "error": "FAILED"}
        assert payload["errors"][0]["task"] == {"status": statuses[standing]}
        assert payload["errors"][0]["code"] == "NOT_ALLOWED_NOW"
    if error == "ActionNotSupportedError":
        assert (payload["errors"][0]["backend"], payload["errors"][0]["code"]) == ("ROSETTA", "NOT_SUPPORTED")
        assert calls == (0, 0)


async def test_every_way_of_naming_the_task() -> None:
    """A global id and a unique id name the task in a mutation as a task id does; a unique id is asked for anew."""
    async with world(SmallSandbox()) as gateway:
        by_id = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ id }} }}'
        task_id = (await gateway.data(by_id))["task"]["id"]
        await gateway.data('{ task(by: {scaleUniqueId: "frames/a b.png"}) { id } }')
        gateway.sandbox.scale.store.patch(DEMO_PENDING, unique_id="moved away")
        gateway.sandbox.scale.store.patch(DEMO_STARTED, unique_id="frames/a b.png")
        first = await changed(gateway, "setTaskTags", task={"id": task_id}, tags=["a"])
        second = await changed(gateway, "setTaskTags", task={"scaleUniqueId": "frames/a b.png"}, tags=["b"])
        missing = await changed(gateway, "setTaskTags", task={"scaleUniqueId": "none"}, tags=["b"])

    assert first["task"]["scaleTaskId"] == DEMO_PENDING
    assert second["task"]["scaleTaskId"] == DEMO_STARTED
    assert missing["errors"][0]["__typename"] == "TaskNotFoundError"


@pytest.mark.parametrize(("field", "given"), [CANCEL, REVIEW, *SETS])
async def test_unknown_task(field: str, given: dict[str, object]) -> None:
    """A task that Scale does not know is TaskNotFoundError, whatever is asked of it."""
    async with world(SmallSandbox()) as gateway:
        payload = await changed(
            gateway, field, task={"scaleTaskId": "nope"}, **({} if field == "cancelTask" else given)
        )

    assert [(it["__typename"], it["code"]) for it in payload["errors"]] == [("TaskNotFoundError", "NOT_FOUND")]


@pytest.mark.parametrize(
    ("field", "given", "path"),
    [
        ("addTaskTags", {"task": PENDING, "tags": ["a", ""]}, ["input", "tags", "1"]),
        ("addTaskTags", {"task": PENDING, "tags": list("abcdef")}, ["input", "tags"]),
        ("setTaskTags", {"task": PENDING, "tags": list("abcdef")}, ["input", "tags"]),
        ("setTaskMetadata", {"task": PENDING, "metadata": [1]}, ["input", "metadata"]),
        ("setTaskMetadata", {"task": PENDING, "metadata": {"a": "x" * 10_240}}, ["input", "metadata"]),
        ("setTaskUniqueId", {"task": PENDING, "uniqueId": ""}, ["input", "uniqueId"]),
        ("cancelTask", {"task": {"scaleTaskId": "a/b"}}, ["input", "task", "scaleTaskId"]),
        ("cancelTask", {"task": {"id": "???"}}, ["input", "task", "id"]),
    ],
)
async def test_bad_input_stays_here(field: str, given: dict[str, object], path: list[str]) -> None:
    """What cannot be right is told with its place in the input, and nothing is sent."""
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, field, **given)
        calls = gateway.calls()

    assert [(it["__typename"], it["code"], it["path"]) for it in payload["errors"]] == [
        ("BadInputError", "BAD_USER_INPUT", path)
    ]
    assert calls == (0, 0)


async def test_too_many_tags_together() -> None:
    """Tags that would make more than five with those there are refused before they are sent."""
    async with world(SmallSandbox()) as gateway:
        payload = await changed(gateway, "addTaskTags", task=PENDING, tags=["a", "b", "c", "d"])
        fits = await changed(gateway, "addTaskTags", task=PENDING, tags=["a", "b", "c", "rain"])
        puts = gateway.sandbox.scale.faults.recorder.count("PUT")

    assert payload["errors"][0]["path"] == ["input", "tags"]
    assert fits["task"]["tags"] == ["night", "rain", "a", "b", "c"]
    assert puts == 1


async def test_backend_refuses_a_value() -> None:
    """A value that only Scale refuses is a BadInputError that names its place, in our words."""
    async with world(SmallSandbox(max_tags=1)) as gateway:
        payload = await changed(gateway, "setTaskTags", task=PENDING, tags=["a", "b"])

    assert (payload["errors"][0]["code"], payload["errors"][0]["path"]) == ("BAD_USER_INPUT", ["input", "tags"])
    assert "at most 1" not in json.dumps(payload)


async def test_unique_id_of_another_task() -> None:
    """A unique id that is taken names the task that has it; the same one again is a success."""
    async with world(SmallSandbox()) as gateway:
        taken = await changed(gateway, "setTaskUniqueId", task=PENDING, uniqueId="withdrawn")
        same = await changed(gateway, "setTaskUniqueId", task=PENDING, uniqueId="frames/a b.png")

    (error,) = taken["errors"]
    assert (error["__typename"], error["code"], error["uniqueId"]) == ("UniqueIdConflictError", "CONFLICT", "withdrawn")
    assert error["conflictingTask"] == {"scaleTaskId": DEMO_CANCELED}
    assert same["task"]["uniqueId"] == "frames/a b.png"


@pytest.mark.parametrize("again", [200, 400])
async def test_cancelling_again(again: int) -> None:
    """A canceled task is a success, also where Scale refuses; clearUniqueId still holds."""
    async with world(SmallSandbox(cancel_again_status=again)) as gateway:
        payload = await changed(gateway, "cancelTask", task=CANCELED, clearUniqueId=True)

    assert payload["errors"] == []
    assert (payload["task"]["status"], payload["task"]["uniqueId"]) == ("CANCELED", None)


async def test_old_answer_to_cancelling_completed_work() -> None:
    """A server error to a cancel of completed work is the same refusal."""
    async with world(SmallSandbox(cancel_completed_status=500)) as gateway:
        payload = await changed(gateway, "cancelTask", task=COMPLETED)

    assert payload["errors"][0]["__typename"] == "ActionNotAllowedError"
    assert payload["errors"][0]["task"] == {"status": "COMPLETED"}


async def test_cancel_whose_answer_is_lost() -> None:
    """A cancel that went through although all its answers got lost is a success: the task tells."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("drop_after", method="POST"))
        payload = await changed(gateway, "cancelTask", task=PENDING)

    assert payload["errors"] == []
    assert payload["task"]["status"] == "CANCELED"


@pytest.mark.parametrize("kind", ["status", "hang"])
async def test_refusal_that_cannot_be_looked_into(kind: FaultKind) -> None:
    """Where the task cannot be read after a refusal, the refusal stands without it."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="0.5") as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind, method="GET"))
        payload = await changed(gateway, "cancelTask", task=STARTED)

    assert [(it["__typename"], it["task"]) for it in payload["errors"]] == [("ActionNotAllowedError", None)]


@pytest.mark.parametrize("kind", ["plain_ok", "half"])
async def test_answer_that_is_no_task(kind: FaultKind) -> None:
    """A change that Scale took but answered with something else is a success: the task is read."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind, method="POST", times=1))
        payload = await changed(gateway, "setTaskMetadata", task=PENDING, metadata={"a": 1})

    assert payload["errors"] == []
    assert payload["task"]["metadata"] == {"a": 1}


async def test_what_is_uncertain_is_not_served_from_the_cache() -> None:
    """After a write whose answers are all lost, the task is read anew."""
    query = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ tags }} }}'
    async with world(SmallSandbox()) as gateway:
        await gateway.data(query)
        gateway.sandbox.scale.faults.add(Fault("status_after", method="POST"))
        payload = await changed(gateway, "setTaskTags", task=PENDING, tags=["new"])
        task = (await gateway.data(query))["task"]

    (error,) = payload["errors"]
    assert (error["__typename"], error["code"], error["retryable"]) == ("BackendError", "BACKEND_UNAVAILABLE", True)
    assert error["requestId"]
    assert task["tags"] == ["new"]


@pytest.mark.parametrize("body", ["text", "json"])
@pytest.mark.parametrize(("accepted", "verdict"), [(True, "ACCEPTED"), (False, "REJECTED")])
async def test_review(body: str, accepted: bool, verdict: str) -> None:
    """A review is sent once, whatever its answer looks like; the task shows the verdict and stays completed."""
    async with world(SmallSandbox(audit_answer=body)) as gateway:
        payload = await changed(gateway, "reviewTask", task=COMPLETED, accepted=accepted)
        audits = gateway.sandbox.scale.faults.recorder.matching("POST", "/audit$")

    assert payload["task"]["reviewStatus"] == verdict
    assert payload["task"]["status"] == "COMPLETED"
    assert [json.loads(it.body) for it in audits] == [{"accepted": accepted}]


async def test_review_whose_answer_is_lost() -> None:
    """A review that shows in the task went through; it is never sent twice."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("drop_after", path="/audit$"))
        payload = await changed(gateway, "reviewTask", task=COMPLETED, accepted=True, comments="fine")
        sent = gateway.sandbox.scale.faults.recorder.count("POST", "/audit$")

    assert payload["task"]["reviewStatus"] == "ACCEPTED"
    assert sent == 1


async def test_review_that_may_have_been_lost() -> None:
    """A review whose answer is lost and that does not show is OUTCOME_UNKNOWN, not to be repeated blindly."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(Fault("status", status=503, path="/audit$"))
        payload = await changed(gateway, "reviewTask", task=COMPLETED, accepted=True)
        sent = gateway.sandbox.scale.faults.recorder.count("POST", "/audit$")

    (error,) = payload["errors"]
    assert (error["__typename"], error["code"], error["retryable"]) == ("BackendError", "OUTCOME_UNKNOWN", False)
    assert sent == 1
    assert "audits" not in gateway.sandbox.scale.store.get(DEMO_COMPLETED).record


@pytest.mark.parametrize("kind", ["status", "hang"])
async def test_review_without_a_task_to_show(kind: FaultKind) -> None:
    """A review that was taken, but after which the task cannot be read, does not invite a second one."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="0.5") as gateway:
        gateway.sandbox.scale.faults.add(Fault("slow", seconds=0, method="GET", times=1))
        gateway.sandbox.scale.faults.add(Fault(kind, method="GET"))
        payload = await changed(gateway, "reviewTask", task=COMPLETED, accepted=True)

    assert (payload["errors"][0]["code"], payload["errors"][0]["retryable"]) == ("OUTCOME_UNKNOWN", False)


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        (Fault("status", status=401), "BACKEND_REFUSED", False),
        (Fault("status", status=402), "BACKEND_REFUSED", False),
        (Fault("status", status=405), "BACKEND_BAD_RESPONSE", False),
        (Fault("status", status=429, retry_after=60), "BACKEND_RATE_LIMITED", True),
        (Fault("html"), "BACKEND_UNAVAILABLE", True),
    ],
)
async def test_backend_fails(fault: Fault, code: str, retryable: bool) -> None:
    """A backend that fails is a BackendError with its code, and nothing of the vendor's text."""
    async with world(SmallSandbox()) as gateway:
        gateway.sandbox.scale.faults.add(fault)
        payload = await changed(gateway, "setTaskMetadata", task=PENDING, metadata={})

    (error,) = payload["errors"]
    assert (error["__typename"], error["code"], error["retryable"]) == ("BackendError", code, retryable)
    assert error["backend"] == "SCALE"


async def test_backend_without_credentials() -> None:
    """Without a key every mutation says that Scale is not configured."""
    async with world(SmallSandbox(), GATEWAY_SCALE__API_KEY="") as gateway:
        change = await changed(gateway, "cancelTask", task=PENDING)
        creation = await changed(
            gateway,
            "createMultistageTask",
            project="road",
            attachments=["s3://b/x.sfs"],
            sceneFormat="SENSOR_FUSION",
        )

    assert [it["errors"][0]["code"] for it in (change, creation)] == ["BACKEND_NOT_CONFIGURED"] * 2


async def test_hanging_backend() -> None:
    """A write to a backend that hangs ends by its TIMEOUT_S, retryable, as the change is harmless twice."""
    async with world(SmallSandbox(), GATEWAY_SCALE__TIMEOUT_S="0.3") as gateway:
        gateway.sandbox.scale.faults.add(Fault("hang"))
        payload = await changed(gateway, "setTaskMetadata", task=PENDING, metadata={})

    assert (payload["errors"][0]["code"], payload["errors"][0]["retryable"]) == ("BACKEND_TIMEOUT", True)
