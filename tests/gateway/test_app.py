"""The main job: tasks of both backends through one endpoint."""

import asyncio
import json

import pytest

from gateway.demo import DEMO_QUERIES
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.rosetta.seed import (
    DEMO_CAMPAIGN,
    DEMO_REQUEST,
    DEMO_SCENE,
    ODD_CAMPAIGN,
    ODD_REQUEST,
    ODD_SCENE_IDS,
)
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_PENDING
from schema.references import global_id
from tests.fakes import rosetta, scale
from tests.gateway.world import world
from tests.schema.test_references import BAD_SCALE_IDS

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

FIELDS = """
  id backend status backendStatus { value label pool } reference {
    ... on ScaleTaskReference { taskId } ... on RosettaTaskReference { campaignId annotationRequestId sceneId }
  }
"""
LOOKUP = f"""query($by: [TaskBy!]!) {{
  lookupTasks(by: $by) {{
    __typename
    ... on Task {{ {FIELDS} raw }}
    ... on TaskError {{ code message retryable }}
    ... on BadInputError {{ path }}
    ... on BackendError {{ backend }}
  }}
}}"""
ROSETTA_BY = {"rosetta": {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": DEMO_SCENE}}


@pytest.mark.parametrize("by", [{"scaleTaskId": DEMO_PENDING}, ROSETTA_BY])
async def test_one_task_by_every_road(by: dict[str, object]) -> None:
    """task, node, nodes and lookupTasks answer the same for one task."""
    async with world() as gateway:
        task = (await gateway.data(f"query($by: TaskBy!) {{ task(by: $by) {{ {FIELDS} }} }}", by=by))["task"]
        query = f"""query($id: ID!, $by: [TaskBy!]!) {{
          node(id: $id) {{ ... on Task {{ {FIELDS} }} }}
          nodes(ids: [$id]) {{ ... on Task {{ {FIELDS} }} }}
          task(by: {{id: $id}}) {{ {FIELDS} }}
          lookupTasks(by: $by) {{ ... on Task {{ {FIELDS} }} }}
        }}"""
        answer = await gateway.data(query, id=task["id"], by=[by])

    assert task["status"] in ("PENDING", "IN_REVIEW")
    assert answer == {"node": task, "nodes": [task], "task": task, "lookupTasks": [task]}


@pytest.mark.parametrize("execution", ["plan", "graphql-core"])
async def test_one_bad_id_among_nodes(execution: str) -> None:
    """A malformed id, or one whose backend fails, is null with an error in its place; the others are answered."""
    async with world(GATEWAY_EXECUTION=execution) as gateway:
        gateway.sandbox.rosetta.faults.add(Fault(kind="status", status=401))
        good = global_id(scale(DEMO_PENDING))
        down = global_id(rosetta(DEMO_SCENE, DEMO_REQUEST, DEMO_CAMPAIGN))
        ids = [good, "nonsense", down, good]
        answer = await gateway.answer("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert answer["data"] == {"nodes": [{"id": good}, None, None, {"id": good}]}
    told = {tuple(it["path"]): it["extensions"] for it in answer["errors"]}
    assert {path: it["code"] for path, it in told.items()} == {
        ("nodes", 1): "BAD_USER_INPUT",
        ("nodes", 2): "BACKEND_REFUSED",
    }
    assert told["nodes", 1]["argumentPath"] == ["ids", "1"]


@pytest.mark.parametrize("query", DEMO_QUERIES)
async def test_the_printed_queries(query: str) -> None:
    """Each query that the demo prints answers with live data."""
    async with world() as gateway:
        data = await gateway.data(query)

    assert "null" not in json.dumps(data).replace('"pool": null', "")


ROSETTA_STATUSES = {
    0: "FAILED",
    1: "PENDING",
    2: "PENDING",
    3: "IN_PROGRESS",
    4: "IN_PROGRESS",
    5: "IN_REVIEW",
    6: "IN_REVIEW",
    7: "UNKNOWN",
    8: "IN_QC",
    9: "IN_QC",
    10: "IN_QC",
    11: "COMPLETED",
    12: "UNKNOWN",
    13: "UNKNOWN",
    14: "UNKNOWN",
    15: "UNKNOWN",
    16: "COMPLETED",
    17: "DELIVERY_FAILED",
    99: "UNKNOWN",
}


@pytest.mark.parametrize(("native", "status"), ROSETTA_STATUSES.items())
async def test_rosetta_status(native: int, status: str) -> None:
    """Every number Rosetta sends has its place in the vocabulary, and is itself still to be seen."""
    async with world() as gateway:
        gateway.sandbox.rosetta.store.set_status(DEMO_REQUEST, DEMO_SCENE, native)
        data = await gateway.data(
            "query($by: TaskBy!) { task(by: $by) { status backendStatus { value } } }", by=ROSETTA_BY
        )

    assert data["task"] == {"status": status, "backendStatus": {"value": str(native)}}


@pytest.mark.parametrize(
    ("native", "status"),
    {
        "pending": "PENDING",
        "completed": "COMPLETED",
        "canceled": "CANCELED",
        "error": "FAILED",
        "in_progress": "UNKNOWN",
        "Völlig neu": "UNKNOWN",
    }.items(),
)
async def test_scale_status(native: str, status: str) -> None:
    """Every word Scale sends has its place in the vocabulary, and is itself still to be seen."""
    async with world() as gateway:
        gateway.sandbox.scale.store.set_status(DEMO_PENDING, native)
        data = await gateway.data(
            f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ status backendStatus {{ value }} }} }}'
        )

    assert data["task"] == {"status": status, "backendStatus": {"value": native}}


async def test_strange_records() -> None:
    """Unknown fields, missing ones, null tags and 21-digit integers come through; raw keeps every digit."""
    huge = 123456789012345678901
    async with world() as gateway:
        gateway.sandbox.scale.store.patch(
            DEMO_PENDING, tags=None, future_field={"a": [1]}, params={"big": huge}, metadata={"n": 2**60, "i": 7}
        )
        query = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ tags params metadata raw priority }} }}'
        task = (await gateway.data(query))["task"]

    assert task["tags"] == []
    assert task["params"] == {"big": str(huge)}
    assert task["metadata"] == {"n": str(2**60), "i": 7}
    assert task["raw"]["params"] == {"big": str(huge)}
    assert task["raw"]["future_field"] == {"a": [1]}


async def test_100_lookups_of_40_tasks() -> None:
    """100 look-ups that name 40 distinct tasks cost at most 40 calls."""
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        ids = [row.task_id for row in store.tasks()][:40]
        by = [{"scaleTaskId": ids[index % 40]} for index in range(100)]
        outcomes = (await gateway.data(LOOKUP, by=by))["lookupTasks"]
        scale_calls, rosetta_calls = gateway.calls()

    assert [outcome["reference"]["taskId"] for outcome in outcomes] == [item["scaleTaskId"] for item in by]
    assert (scale_calls, rosetta_calls) == (40, 0)


async def test_100_unique_ids_are_two_calls() -> None:
    """100 look-ups by unique id cost one call per 50, found or not."""
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        known = [row.record["unique_id"] for row in store.tasks() if "unique_id" in row.record][:80]
        by = [{"scaleUniqueId": unique_id} for unique_id in [*known, *(f"none-{n}" for n in range(20))]]
        outcomes = (await gateway.data(LOOKUP, by=by))["lookupTasks"]
        scale_calls, _ = gateway.calls()

    assert [outcome["__typename"] for outcome in outcomes] == ["Task"] * 80 + ["TaskNotFoundError"] * 20
    assert [outcome["raw"]["unique_id"] for outcome in outcomes[:80]] == known
    assert scale_calls == 2


@pytest.mark.parametrize("task_id", [text for text in BAD_SCALE_IDS if text != "\ud800"])
async def test_bad_scale_ids_stay_here(task_id: str) -> None:
    """A Scale task id that cannot be is refused, in both forms, and the emulator sees no request."""
    async with world() as gateway:
        (outcome,) = (await gateway.data(LOOKUP, by=[{"scaleTaskId": task_id}]))["lookupTasks"]
        field = await gateway.answer("query($by: TaskBy!) { task(by: $by) { id } }", by={"scaleTaskId": task_id})
        calls = gateway.calls()

    assert (outcome["__typename"], outcome["code"]) == ("BadInputError", "BAD_USER_INPUT")
    assert outcome["path"] == ["by", "0", "scaleTaskId"]
    assert field["data"] == {"task": None}
    assert field["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert field["errors"][0]["path"] == ["task"]
    assert calls == (0, 0)


async def test_a_lone_surrogate_stays_here() -> None:
    """A lone surrogate, legal in JSON and no text, is refused before the wire."""
    async with world() as gateway:
        body = json.dumps({"query": LOOKUP, "variables": {"by": [{"scaleTaskId": "\ud800"}]}})
        response = await gateway.client.post("/graphql", content=body, headers={"content-type": "application/json"})
        calls = gateway.calls()

    assert "BAD_USER_INPUT" in response.text
    assert calls == (0, 0)


async def test_customers_own_scene_ids() -> None:
    """Scenes named by paths, spaces and other scripts are found, each as itself."""
    async with world() as gateway:
        by = [
            {"rosetta": {"campaignId": ODD_CAMPAIGN, "annotationRequestId": ODD_REQUEST, "sceneId": scene}}
            for scene in ODD_SCENE_IDS
        ]
        outcomes = (await gateway.data(LOOKUP, by=by))["lookupTasks"]

    assert [outcome["reference"]["sceneId"] for outcome in outcomes] == list(ODD_SCENE_IDS)


async def test_customers_own_unique_ids() -> None:
    """Unique ids with slashes, ampersands and spaces are found, and never stand in for one another."""
    texts = ["a/b", "s3://b/f.png", "x y&z=1", "車両", "a%2Fb", "a+b", "a b"]
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        rows = [row for row in store.tasks() if "unique_id" not in row.record][: len(texts)]
        for row, text in zip(rows, texts, strict=True):
            store.patch(row.task_id, unique_id=text)
        by = [{"scaleUniqueId": text} for text in [*texts, "a", "b"]]
        outcomes = (await gateway.data(LOOKUP, by=by))["lookupTasks"]

    assert [outcome["reference"]["taskId"] for outcome in outcomes[:-2]] == [row.task_id for row in rows]
    assert [outcome["__typename"] for outcome in outcomes[-2:]] == ["TaskNotFoundError"] * 2


BOTH = [{"scaleTaskId": DEMO_COMPLETED}, ROSETTA_BY, {"scaleTaskId": DEMO_PENDING}]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(kind="status", status=500), "BACKEND_UNAVAILABLE"),
        (Fault(kind="html"), "BACKEND_UNAVAILABLE"),
        (Fault(kind="half"), "BACKEND_BAD_RESPONSE"),
        (Fault(kind="malformed"), "BACKEND_BAD_RESPONSE"),
        (Fault(kind="drop"), "BACKEND_UNAVAILABLE"),
        (Fault(kind="oversized"), "BACKEND_BAD_RESPONSE"),
        (Fault(kind="status", status=429, retry_after=7), "BACKEND_RATE_LIMITED"),
        (Fault(kind="status", status=401), "BACKEND_REFUSED"),
    ],
)
async def test_rosetta_fails_alone(fault: Fault, code: str) -> None:
    """While Rosetta fails, Scale's tasks in the same query are complete and the failure is typed."""
    async with world() as gateway:
        gateway.sandbox.rosetta.faults.add(fault)
        first, failed, last = (await gateway.data(LOOKUP, by=BOTH))["lookupTasks"]

    assert (first["status"], last["status"]) == ("COMPLETED", "PENDING")
    assert (failed["__typename"], failed["code"], failed["backend"]) == ("BackendError", code, "ROSETTA")


@pytest.mark.parametrize("kind", ["status", "html", "half", "drop"])
async def test_scale_fails_alone(kind: FaultKind) -> None:
    """While Scale fails, Rosetta's task is complete; a bare task is an error with its path and code."""
    async with world() as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind))
        answer = await gateway.answer(
            "query($a: TaskBy!, $b: TaskBy!) { a: task(by: $a) { id } b: task(by: $b) { status } }",
            a={"scaleTaskId": DEMO_PENDING},
            b=ROSETTA_BY,
        )

    assert answer["data"] == {"a": None, "b": {"status": "IN_REVIEW"}}
    (error,) = answer["errors"]
    assert error["path"] == ["a"]
    assert error["extensions"]["backend"] == "SCALE"
    assert error["extensions"]["code"] in ("BACKEND_UNAVAILABLE", "BACKEND_BAD_RESPONSE")
    assert error["extensions"]["requestId"]


async def test_rosetta_hangs() -> None:
    """While Rosetta hangs, the answer comes by its TIMEOUT_S and 100 ms, Scale's part whole."""
    async with world(GATEWAY_ROSETTA__TIMEOUT_S="0.3") as gateway:
        gateway.sandbox.rosetta.faults.add(Fault(kind="hang"))
        started = asyncio.get_running_loop().time()
        first, failed, last = (await gateway.data(LOOKUP, by=BOTH))["lookupTasks"]
        seconds = asyncio.get_running_loop().time() - started

    assert (first["status"], last["status"]) == ("COMPLETED", "PENDING")
    assert failed["code"] == "BACKEND_TIMEOUT"
    assert failed["retryable"]
    assert 0.3 <= seconds < 0.4


async def test_backend_without_credentials() -> None:
    """A backend that is not configured says so, as data and in `backends`; the other one answers."""
    async with world(
        GATEWAY_ROSETTA__BASE_URL="", GATEWAY_ROSETTA__ACCESS_KEY="", GATEWAY_ROSETTA__SECRET_KEY=""
    ) as gateway:
        outcomes = (await gateway.data(LOOKUP, by=BOTH))["lookupTasks"]
        backends = (await gateway.data("{ backends { backend isConfigured circuit lastSuccessAt } }"))["backends"]

    assert [outcome["__typename"] for outcome in outcomes] == ["Task", "BackendError", "Task"]
    assert outcomes[1]["code"] == "BACKEND_NOT_CONFIGURED"
    assert {item["backend"]: item["isConfigured"] for item in backends} == {"ROSETTA": False, "SCALE": True}


async def test_backends_tells_what_was_seen() -> None:
    """`backends` reports the latest success and failure and how long calls took, and asks nobody."""
    async with world() as gateway:
        gateway.sandbox.rosetta.faults.add(Fault(kind="status", status=503))
        await gateway.data(LOOKUP, by=BOTH)
        before = gateway.calls()
        query = "{ backends { backend lastSuccessAt lastFailureAt lastFailure latencyP50Ms latencyP95Ms } }"
        rosetta, scale = (await gateway.data(query))["backends"]
        after = gateway.calls()

    assert before == after
    assert (rosetta["lastFailure"], rosetta["lastSuccessAt"]) == ("BACKEND_UNAVAILABLE", None)
    assert scale["lastFailure"] is None
    assert scale["lastSuccessAt"].endswith("Z")
    assert 0 < scale["latencyP50Ms"] <= scale["latencyP95Ms"]


async def test_too_many_names() -> None:
    """A list argument over 100 entries is refused before anything is asked."""
    async with world() as gateway:
        answer = await gateway.answer(LOOKUP, by=[{"scaleTaskId": f"t{n}"} for n in range(101)])
        calls = gateway.calls()

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert calls == (0, 0)


async def test_fresh_tasks_cost_nothing() -> None:
    """A task asked for again while fresh costs no call; after its freshness it is read again."""
    query = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ status fetchedAt isStale }} }}'
    async with world() as gateway:
        first = await gateway.data(query)
        assert await gateway.data(query) == first
        assert gateway.calls() == (1, 0)

        gateway.sandbox.scale.clock.advance(3600 * 2)
        again = await gateway.data(query)

        assert gateway.calls() == (2, 0)
        assert again["task"]["fetchedAt"] > first["task"]["fetchedAt"]


async def test_people_are_hidden() -> None:
    """Without the scope `people` the names of auditors are null, in `raw` too."""
    async with world() as gateway:
        gateway.sandbox.scale.store.patch(
            DEMO_COMPLETED, audits=[{"audited_by": "Ada Auditor", "audit_result": "accepted", "audit_time_secs": 5}]
        )
        query = f'{{ task(by: {{scaleTaskId: "{DEMO_COMPLETED}"}}) {{ audits {{ auditedBy result }} raw }} }}'
        task = (await gateway.data(query))["task"]

    assert task["audits"] == [{"auditedBy": None, "result": "accepted"}]
    assert "Ada" not in json.dumps(task)
