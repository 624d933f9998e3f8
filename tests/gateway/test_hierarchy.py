"""What holds tasks, and what hangs on them: answers, and what they cost."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta.seed import (
    BULK_REQUEST,
    CONFLICT_REQUEST,
    DEMO_CAMPAIGN,
    DEMO_CAMPAIGN_NAME,
    DEMO_FAILED_SCENE,
    DEMO_FOLDER,
    DEMO_REQUEST,
    DEMO_SCENE,
    ODD_CAMPAIGN_NAME,
    PROCESSING_REQUEST,
)
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_PENDING
from tests.gateway.listing.test_filters import ROSETTA_STATUSES
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

ROSETTA_PAGE = """query($ids: [ID!], $first: Int) {{
  tasks(filter: {{backendIn: [ROSETTA], annotationRequestIdIn: $ids}}, first: $first) {{ nodes {{ sceneId {0} }} }}
}}"""

DEFAULT_KEYS = "campaignId,annotationRequestId,sceneId"


def statuses(gateway: World, request_id: str) -> dict[str, str]:
    """The status of each scene, by what the emulator itself holds."""
    request = gateway.sandbox.rosetta.store.annotation_request(request_id)
    assert request is not None
    return {
        scene: ROSETTA_STATUSES.get(task.status, "UNKNOWN") if (task := request.tasks.get(scene)) else "FAILED"
        for scene in request.sources
    }


async def nodes_of(
    gateway: World, fields: str, first: int = 100, request_id: str = BULK_REQUEST
) -> list[dict[str, Any]]:
    data = await gateway.data(ROSETTA_PAGE.format(fields), ids=[request_id], first=first)
    nodes: list[dict[str, Any]] = data["tasks"]["nodes"]
    return nodes


async def all_statuses(gateway: World, request_id: str) -> dict[str, str]:
    """The statuses of all scenes, page by page through the annotation request."""
    query = """query($id: ID!, $after: String) { annotationRequest(annotationRequestId: $id) { sceneCount
      tasks(first: 100, after: $after) { nodes { sceneId status } pageInfo { hasNextPage endCursor } failures { code } }
    } }"""
    found: dict[str, str] = {}
    after = None
    while True:
        tasks = (await gateway.data(query, id=request_id, after=after))["annotationRequest"]["tasks"]
        assert tasks["failures"] == []
        found |= {node["sceneId"]: node["status"] for node in tasks["nodes"]}
        after = tasks["pageInfo"]["endCursor"]
        if not tasks["pageInfo"]["hasNextPage"]:
            return found


async def test_800_statuses() -> None:
    """The statuses of an 800-scene annotation request cost at most 10 calls, its counts included."""
    async with world() as gateway:
        found = await all_statuses(gateway, BULK_REQUEST)
        query = "query($id: ID!) { annotationRequest(annotationRequestId: $id) { statusCounts { status count } } }"
        counted = (await gateway.data(query, id=BULK_REQUEST))["annotationRequest"]["statusCounts"]
        _, rosetta_calls = gateway.calls()
        expected = statuses(gateway, BULK_REQUEST)

    assert found == expected
    assert len(found) == 800
    assert {it["status"]: it["count"] for it in counted} == Counter(expected.values())
    assert rosetta_calls <= 10


async def test_view_urls_when_selected() -> None:
    """With viewUrl selected for 50 of 800 tasks at most 60 calls; not selected, it costs nothing."""
    async with world() as gateway:
        await all_statuses(gateway, BULK_REQUEST)
        assert gateway.sandbox.rosetta.faults.recorder.count(path="/task/get") == 0

        nodes = await nodes_of(gateway, "viewUrl", 50)
        _, rosetta_calls = gateway.calls()

    assert all(node["viewUrl"].startswith("https:/") for node in nodes)
    assert rosetta_calls <= 60


@pytest.mark.parametrize("share", [0.3, 1.0])
async def test_rows_that_do_not_join(share: float) -> None:
    """Where rows do not say which scenes they are of, single reads and counts give the right answers."""
    async with world() as gateway:
        rosetta = gateway.sandbox.rosetta
        rosetta.options = replace(rosetta.options, unjoined_share=share)
        found = await all_statuses(gateway, "warehouse/aisles 1-9?")
        query = "query($id: ID!) { annotationRequest(annotationRequestId: $id) { statusCounts { status count } } }"
        rosetta.clock.advance(3600)
        counted = (await gateway.data(query, id="warehouse/aisles 1-9?"))["annotationRequest"]["statusCounts"]
        expected = statuses(gateway, "warehouse/aisles 1-9?")

    assert found == expected
    assert {it["status"]: it["count"] for it in counted} == Counter(expected.values())


async def test_statuses_filtered_within_a_request() -> None:
    """`statusIn` inside an annotation request finds exactly its scenes, failed imports included, and counts them."""
    query = """query($id: ID!, $s: [TaskStatus!]) { annotationRequest(annotationRequestId: $id) {
      tasks(filter: {statusIn: $s}, first: 100) { totalCount nodes { sceneId } pageInfo { hasNextPage } } } }"""
    async with world() as gateway:
        for wanted in (["FAILED"], ["COMPLETED", "DELIVERY_FAILED"], ["CANCELED"], []):
            tasks = (await gateway.data(query, id=DEMO_REQUEST, s=wanted))["annotationRequest"]["tasks"]
            expected = [it for it, status in statuses(gateway, DEMO_REQUEST).items() if status in wanted]

            assert [node["sceneId"] for node in tasks["nodes"]] == expected
            assert (tasks["totalCount"], tasks["pageInfo"]["hasNextPage"]) == (len(expected), False)


async def test_counterparts_of_a_page() -> None:
    """Counterparts of 100 Rosetta tasks cost at most two calls of Scale, and are those that carry the scene's id."""
    async with world() as gateway:
        nodes = await nodes_of(gateway, "counterparts { status uniqueId scaleTaskId counterparts { sceneId } }")
        scale_calls, _ = gateway.calls()
        holder = gateway.sandbox.scale.store.holder_of
        expected = {node["sceneId"]: holder(node["sceneId"]) for node in nodes}

    found = {node["sceneId"]: [it["scaleTaskId"] for it in node["counterparts"]] for node in nodes}
    assert found == {scene: [] if task_id is None else [task_id] for scene, task_id in expected.items()}
    assert sum(map(len, found.values())) > 5
    assert scale_calls <= 2


@pytest.mark.parametrize(
    ("keys", "metadata", "unique_id", "found"),
    [
        (
            DEFAULT_KEYS,
            {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": DEMO_SCENE},
            None,
            True,
        ),
        (DEFAULT_KEYS, {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST}, DEMO_SCENE, True),
        (
            DEFAULT_KEYS,
            {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": "none"},
            None,
            False,
        ),
        (DEFAULT_KEYS, {"campaignId": DEMO_CAMPAIGN, "sceneId": DEMO_SCENE}, None, False),
        (DEFAULT_KEYS, {"campaignId": ["x"], "annotationRequestId": "\u0007", "sceneId": {}}, None, False),
        ("c,r,s", {"c": DEMO_CAMPAIGN, "r": DEMO_REQUEST, "s": DEMO_SCENE}, None, True),
    ],
)
async def test_counterpart_of_a_scale_task(
    keys: str, metadata: dict[str, object], unique_id: str | None, found: bool
) -> None:
    """A Scale task's scene is what its metadata names, under the keys of the setting, its unique id standing in."""
    async with world(GATEWAY_LINK__SCENE_KEYS=keys) as gateway:
        store = gateway.sandbox.scale.store
        if unique_id is not None:
            store.patch(store.holder_of(unique_id) or "", remove=("unique_id",))
            store.patch(DEMO_PENDING, unique_id=unique_id)
        store.patch(DEMO_PENDING, metadata=metadata)
        query = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ counterparts {{ sceneId backend }} }} }}'
        counterparts = (await gateway.data(query))["task"]["counterparts"]

    assert counterparts == ([{"sceneId": DEMO_SCENE, "backend": "ROSETTA"}] if found else [])


async def test_counterparts_of_a_failing_backend() -> None:
    """While Scale is down counterparts are null, each with an error; the tasks are whole."""
    async with world() as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind="status", status=503))
        answer = await gateway.answer(ROSETTA_PAGE.format("status counterparts { id }"), ids=[DEMO_REQUEST], first=2)

    assert [node["counterparts"] for node in answer["data"]["tasks"]["nodes"]] == [None, None]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BACKEND_UNAVAILABLE"}
    assert answer["errors"][0]["path"] == ["tasks", "nodes", 0, "counterparts"]


async def test_history_of_a_page() -> None:
    """Times and histories of 100 tasks of one annotation request cost at most two calls beyond the list's own."""
    async with world() as gateway:
        await nodes_of(gateway, "status", request_id="warehouse/aisles 1-9?")
        _, before = gateway.calls()
        fields = "status createdAt updatedAt completedAt history { at action status pool worker }"
        nodes = await nodes_of(gateway, fields, request_id="warehouse/aisles 1-9?")
        _, after = gateway.calls()
        request = gateway.sandbox.rosetta.store.annotation_request("warehouse/aisles 1-9?")
        assert request is not None

    assert len(nodes) == 100
    assert sum(len(task.history) for task in request.tasks.values()) <= 1000
    assert after - before <= 2
    for node in nodes:
        records = request.tasks[node["sceneId"]].history
        moments = [datetime.fromisoformat(event["at"]) for event in node["history"]]
        assert moments == sorted(record.at.replace(microsecond=0) for record in records)
        assert (node["createdAt"], node["updatedAt"]) == (node["history"][0]["at"], node["history"][-1]["at"])
        assert (node["completedAt"] is not None) == (node["status"] in ("COMPLETED", "DELIVERY_FAILED"))
        assert {event["worker"] for event in node["history"]} == {None}


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Shanghai", 0), ("UTC", 8)])
async def test_times_are_of_the_zone_that_is_set(zone: str, hours: int) -> None:
    """Rosetta's times name no zone: the setting says which."""
    async with world(GATEWAY_ROSETTA__TIME_ZONE=zone) as gateway:
        (node,) = await nodes_of(gateway, "createdAt", 1, DEMO_REQUEST)
        created = gateway.sandbox.rosetta.store.task(DEMO_REQUEST, DEMO_SCENE).history[0].at.replace(microsecond=0)

    assert datetime.fromisoformat(node["createdAt"]) == created + timedelta(hours=hours)


async def test_history_that_cannot_be_told_apart() -> None:
    """Where records do not say whose they are, a history is unknown, not empty; a scene that is no task has none."""
    async with world() as gateway:
        rosetta = gateway.sandbox.rosetta
        rosetta.options = replace(rosetta.options, unjoined_share=1.0)
        nodes = await nodes_of(gateway, "status createdAt history { at }", 25, DEMO_REQUEST)

    assert {node["sceneId"]: node["history"] for node in nodes if node["history"] is not None} == {
        DEMO_FAILED_SCENE: []
    }
    assert {node["createdAt"] for node in nodes} == {None}


async def test_history_of_scale() -> None:
    """A Scale task's history is what its record tells: creation, completion, reviews."""
    query = f'{{ task(by: {{scaleTaskId: "{DEMO_COMPLETED}"}}) {{ createdAt completedAt history {{ at action }} }} }}'
    async with world() as gateway:
        task = (await gateway.data(query))["task"]

    assert sorted(event["action"] for event in task["history"]) == ["AUDITED", "AUDITED", "COMPLETED", "CREATED"]
    assert {"at": task["createdAt"], "action": "CREATED"} in task["history"]
    assert [event["at"] for event in task["history"]] == sorted(event["at"] for event in task["history"])


async def test_one_request_for_a_page() -> None:
    """`annotationRequest` of 100 tasks, and nodes by its id, cost one read of it."""
    async with world() as gateway:
        nodes = await nodes_of(gateway, "annotationRequest { id name campaignId sceneCount importState }")
        request_id = nodes[0]["annotationRequest"]["id"]
        query = "query($id: ID!) { node(id: $id) { id ... on AnnotationRequest { name annotationRequestId } } }"
        node = (await gateway.data(query, id=request_id))["node"]
        reads = gateway.sandbox.rosetta.faults.recorder.count(path="/annotation-request$")

    assert {it["annotationRequest"]["sceneCount"] for it in nodes} == {800}
    assert node == {
        "id": request_id,
        "name": nodes[0]["annotationRequest"]["name"],
        "annotationRequestId": BULK_REQUEST,
    }
    assert reads == 1


async def test_import_states() -> None:
    """Scenes still being imported are PENDING; failed ones are FAILED with a reason; an unknown request is null."""
    query = """query($id: ID!) { annotationRequest(annotationRequestId: $id) {
      importState sceneCount completedPercent failedScenes { sceneId reason } deliveredFiles { sceneId uri }
      tasks(first: 100) { nodes { sceneId status backendStatus { value } } } } }"""
    async with world() as gateway:
        store = gateway.sandbox.rosetta.store
        processing = (await gateway.data(query, id=PROCESSING_REQUEST))["annotationRequest"]
        conflicting = (await gateway.data(query, id=CONFLICT_REQUEST))["annotationRequest"]
        unknown = (await gateway.data(query, id="none"))["annotationRequest"]
        waiting = store.annotation_request(PROCESSING_REQUEST)
        conflict = store.annotation_request(CONFLICT_REQUEST)
        assert waiting is not None
        assert conflict is not None

    derived = {node["sceneId"] for node in processing["tasks"]["nodes"] if node["backendStatus"] is None}
    assert processing["importState"] == "PROCESSING"
    assert derived == set(waiting.waiting)
    failed = {scene: reason for scene, reason in conflict.errors.items() if scene not in conflict.tasks}
    assert {it["sceneId"]: it["reason"] for it in conflicting["failedScenes"]} == failed
    done = {it["sceneId"] for it in conflicting["deliveredFiles"]}
    assert round(conflicting["completedPercent"], 1) == round(100 * len(done) / len(conflict.tasks), 1)
    assert unknown is None


async def test_campaigns() -> None:
    """A campaign by name, by folder and by node is the same; frames are read only when selected."""
    async with world() as gateway:
        query = (
            "query($n: String!, $f: String!) { campaign(name: $n) { id name } campaigns(folderName: $f) { id name } }"
        )
        data = await gateway.data(query, n=ODD_CAMPAIGN_NAME, f=DEMO_FOLDER)
        frames = gateway.sandbox.rosetta.faults.recorder.count(path="frames")
        fields = "id name manualAnnotationFrames autoAnnotationFrames"
        node = f"query($id: ID!) {{ node(id: $id) {{ ... on Campaign {{ {fields} }} }} }}"
        refetched = (await gateway.data(node, id=data["campaign"]["id"]))["node"]
        unknown = await gateway.data(query, n="none", f="none")
        one_read = gateway.sandbox.rosetta.faults.recorder.count(path="frames")

    assert data["campaign"] in data["campaigns"]
    assert DEMO_CAMPAIGN_NAME in [campaign["name"] for campaign in data["campaigns"]]
    assert (frames, one_read) == (0, 1)
    assert {"id": refetched["id"], "name": refetched["name"]} == data["campaign"]
    assert refetched["manualAnnotationFrames"] > 0
    assert unknown == {"campaign": None, "campaigns": None}
