"""Entities by their keys, as a router asks for them."""

import asyncio
import json

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.app import create_app
from gateway.backends.transport import in_process
from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE
from gateway.sandbox.rosetta.seed_plan import DEMO_CAMPAIGN_NAME
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_PENDING
from gateway.settings import Settings
from schema import build_schema, build_subgraph_schema, build_subgraph_sdl
from schema.annotation_request import request_global_id
from schema.backend import Backend
from schema.campaign import campaign_global_id
from schema.entities import ENTITIES
from schema.references import global_id, rosetta_reference, scale_reference
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

ENTITIES_QUERY = """query($representations: [_Any!]!) {
  _entities(representations: $representations) {
    __typename
    ... on Task { scaleTaskId sceneId }
    ... on AnnotationRequest { annotationRequestId }
    ... on Campaign { name }
  }
}"""
SCALE = {"__typename": "Task", "scaleTaskId": DEMO_PENDING, "sceneId": None}
ROSETTA = {"__typename": "Task", "scaleTaskId": None, "sceneId": DEMO_SCENE}
REQUEST = {"__typename": "AnnotationRequest", "annotationRequestId": DEMO_REQUEST}
CAMPAIGN = {"__typename": "Campaign", "name": DEMO_CAMPAIGN_NAME}
SCENE_KEY = {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": DEMO_SCENE}
BY_KEY = [
    ({"__typename": "Task", "id": global_id(scale_reference(DEMO_PENDING))}, SCALE),
    ({"__typename": "Task", "id": global_id(rosetta_reference(DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE))}, ROSETTA),
    ({"__typename": "Task", "scaleTaskId": DEMO_PENDING}, SCALE),
    ({"__typename": "Task", **SCENE_KEY}, ROSETTA),
    ({"__typename": "AnnotationRequest", "id": request_global_id(DEMO_REQUEST)}, REQUEST),
    ({"__typename": "AnnotationRequest", "annotationRequestId": DEMO_REQUEST}, REQUEST),
    ({"__typename": "Campaign", "id": campaign_global_id(DEMO_CAMPAIGN_NAME)}, CAMPAIGN),
    ({"__typename": "Campaign", "name": DEMO_CAMPAIGN_NAME}, CAMPAIGN),
]


async def _ask(gateway: World, *representations: object) -> tuple[list[object], dict[int, str]]:
    """The entities, and each error's code by the place it stands for."""
    answer = await gateway.answer(ENTITIES_QUERY, representations=list(representations))
    errors = {error["path"][1]: error["extensions"]["code"] for error in answer.get("errors", ())}
    return answer["data"]["_entities"], errors


async def test_every_key() -> None:
    """Each key of each entity finds its object, all in one answer and in the order asked for."""
    async with world(GATEWAY_FEDERATION="true") as gateway:
        found = await _ask(gateway, *(representation for representation, _ in BY_KEY))

    assert found == ([wanted for _, wanted in BY_KEY], {})
    tried = {(one["__typename"], tuple(name for name in one if name != "__typename")) for one, _ in BY_KEY}
    assert tried == {(name, key) for name, keys in ENTITIES.items() for key in keys}


@pytest.mark.parametrize(
    "unknown",
    [
        {"__typename": "Task", "scaleTaskId": "unknown"},
        {"__typename": "Task", "scaleTaskId": None},
        {"__typename": "Task", **SCENE_KEY, "sceneId": "unknown"},
        {"__typename": "Task", **SCENE_KEY, "sceneId": None},
        {"__typename": "AnnotationRequest", "annotationRequestId": "unknown"},
        {"__typename": "Campaign", "name": "unknown"},
    ],
)
async def test_what_does_not_exist_is_null_in_place(unknown: dict[str, str | None]) -> None:
    """A key that names nothing, or is null as of a task of the other backend, is null between its neighbours."""
    async with world(GATEWAY_FEDERATION="true") as gateway:
        found = await _ask(gateway, BY_KEY[2][0], unknown, BY_KEY[3][0])

    assert found == ([SCALE, None, ROSETTA], {})


@pytest.mark.parametrize(
    "bad",
    [
        {"__typename": "Task", "scaleTaskId": "a/b"},
        {"__typename": "Task", "id": "nonsense"},
        {"__typename": "Task", "id": campaign_global_id("x")},
        {"__typename": "Campaign", "id": request_global_id("x")},
        {"__typename": "Task", "status": "PENDING"},
        {"__typename": "Task", "scaleTaskId": {"x": 1}},
        {"__typename": "Project", "name": "x"},
        {"scaleTaskId": DEMO_PENDING},
        "text",
    ],
)
async def test_a_bad_representation_is_an_error_in_place(bad: object) -> None:
    """What no router should send is null with an error of its own; its neighbours are whole."""
    async with world(GATEWAY_FEDERATION="true") as gateway:
        found = await _ask(gateway, BY_KEY[2][0], bad, BY_KEY[3][0])

    assert found == ([SCALE, None, ROSETTA], {1: "BAD_USER_INPUT"})


async def test_a_failing_backend_leaves_the_others_whole() -> None:
    """Scale's entities fail with their code, Rosetta's are there."""
    sandbox = DemoSandbox(SandboxClock.manual())
    sandbox.scale.faults.add(Fault(kind="status", status=500))

    async with world(sandbox, GATEWAY_FEDERATION="true") as gateway:
        found = await _ask(gateway, BY_KEY[2][0], BY_KEY[3][0])

    assert found == ([None, ROSETTA], {0: "BACKEND_UNAVAILABLE"})


async def test_each_task_is_read_once() -> None:
    """100 representations of 50 tasks of Scale, by two keys, are 50 calls; the same again are none."""
    sandbox = DemoSandbox(SandboxClock.manual())
    ids = [row.task_id for row in sandbox.scale.store.tasks()][:50]
    asked = [{"__typename": "Task", "scaleTaskId": task_id} for task_id in ids]
    asked += [{"__typename": "Task", "id": global_id(scale_reference(task_id))} for task_id in ids]

    async with world(sandbox, GATEWAY_FEDERATION="true") as gateway:
        first = await _ask(gateway, *asked)
        calls = gateway.calls()
        again = await _ask(gateway, *asked)

    assert len(first[0]) == 100
    assert first == again
    assert calls == gateway.calls() == (50, 0)


async def test_tasks_of_scale_are_read_together() -> None:
    """Scale reads no list of task ids: 100 tasks are one batch of 100 calls, as many at once as the settings allow."""
    sandbox = DemoSandbox(SandboxClock.manual())
    ids = [row.task_id for row in sandbox.scale.store.tasks()][:100]
    under_way, most = 0, 0

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(50):
            await asyncio.sleep(0)  # long enough for the others to begin
        await sandbox.scale.app(scope, receive, send)
        under_way -= 1

    app = create_app(
        Settings.from_env({**DEMO_ENVIRONMENT, "GATEWAY_FEDERATION": "true", "GATEWAY_SCALE__MAX_CONCURRENCY": "40"}),
        wires={Backend.SCALE: in_process(counting), Backend.ROSETTA: in_process(sandbox.rosetta.app)},
    )
    asked = [{"__typename": "Task", "scaleTaskId": task_id} for task_id in ids]
    body = {"query": ENTITIES_QUERY, "variables": {"representations": asked}}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gw") as client,
    ):
        first = (await client.post("/graphql", json=body)).json()
        calls = len(sandbox.scale.faults.recorder)
        again = (await client.post("/graphql", json=body)).json()

    assert [entity["scaleTaskId"] for entity in first["data"]["_entities"]] == ids
    assert again == first
    assert calls == len(sandbox.scale.faults.recorder) == 100
    assert most == 40


async def test_at_most_a_hundred() -> None:
    """A longer list is refused before anything is asked of a backend."""
    async with world(GATEWAY_FEDERATION="true") as gateway:
        answer = await gateway.answer(
            ENTITIES_QUERY, representations=[{"__typename": "Task", "scaleTaskId": DEMO_COMPLETED}] * 101
        )
        calls = gateway.calls()

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert calls == (0, 0)


async def test_needs_the_scope_read() -> None:
    """A router is a caller like every other."""
    async with world(GATEWAY_FEDERATION="true", GATEWAY_AUTH__ANONYMOUS="none") as gateway:
        response = await gateway.client.post("/graphql", json={"query": "{ _service { sdl } }"})

    assert response.status_code == 401


async def test_sdl_of_the_subgraph() -> None:
    """_service, /schema.graphql and the command give the same text: the plain schema with keys."""
    async with world(GATEWAY_FEDERATION="true") as gateway:
        data = await gateway.data("{ _service { sdl } }")
        served = (await gateway.client.get("/schema.graphql")).text

    assert data["_service"]["sdl"] == served == build_subgraph_sdl()
    for key in (
        '@key(fields: "id")',
        '@key(fields: "scaleTaskId")',
        '@key(fields: "campaignId annotationRequestId sceneId")',
    ):
        assert key in served.split("type Task ")[1].split("{")[0]
    assert "type PageInfo @shareable {" in served
    assert "_entities" not in served


async def test_nothing_of_it_without_the_setting() -> None:
    """The plain schema knows no federation, also after the other was built."""
    build_subgraph_schema()
    async with world() as gateway:
        answer = await gateway.answer("{ _service { sdl } }")
        served = (await gateway.client.get("/schema.graphql")).text

    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert served == build_schema().as_str()
    assert not {"@key", "@link", "_Any", "_Entity"} & set(json.dumps(served).replace("(", " ").split())
