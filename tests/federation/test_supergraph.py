"""A real router composes the gateway with a second subgraph, and joins what both know of a task."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.app import create_app
from gateway.backends.transport import in_process
from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST
from gateway.sandbox.rosetta.seed_plan import DEMO_CAMPAIGN_NAME
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_PENDING
from gateway.settings import Settings
from schema.backend import Backend
from schema.references import global_id, scale_reference
from tests.browser.server import serving

HERE = Path(__file__).parent
pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]

DATASET = """query($tasks: [TaskKey!]!) {
  dataset(tasks: $tasks) { tasks { owner status backend } pageInfo { hasNextPage } }
}"""
SCENE_KEY = "campaignId annotationRequestId sceneId"


@dataclass
class Supergraph:
    """A router over the gateway and the second subgraph; the emulators behind count what they are asked."""

    folder: Path
    sandbox: DemoSandbox
    url: str

    def answers(self, key: str, *operations: tuple[str, Mapping[str, object]]) -> "list[Answer]":
        """The answers of a router composed anew, the second subgraph knowing tasks by `key`; and what each cost."""
        asked = json.dumps([{"query": query, "variables": variables} for query, variables in operations])
        done = subprocess.run(
            ["node", "supergraph.mjs", self.url, key],
            cwd=self.folder,
            input=asked,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-5000:]
        return [Answer(**answer) for answer in json.loads(done.stdout)]

    def calls(self) -> tuple[int, int]:
        """How many requests Scale and Rosetta have seen."""
        return len(self.sandbox.scale.faults.recorder), len(self.sandbox.rosetta.faults.recorder)


@dataclass
class Answer:
    """What the router answered; `datasetsRequests` counts how often it asked the second subgraph."""

    data: Any
    errors: Sequence[Mapping[str, Any]]
    datasetsRequests: int  # noqa: N815  the router script's word


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The router and the second subgraph, installed from their lock."""
    folder = tmp_path_factory.mktemp("supergraph")
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules", "*.py"), dirs_exist_ok=True)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts"], cwd=folder, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture
def supergraph(installed: Path) -> Iterator[Supergraph]:
    """The gateway as a subgraph on a free port, over fresh emulators whose tasks stand still."""
    sandbox = DemoSandbox(SandboxClock.manual())
    app = create_app(
        Settings.from_env({**DEMO_ENVIRONMENT, "GATEWAY_FEDERATION": "true"}),
        wires={Backend.SCALE: in_process(sandbox.scale.app), Backend.ROSETTA: in_process(sandbox.rosetta.app)},
    )
    with serving(app) as origin:
        yield Supergraph(installed, sandbox, origin + "/graphql")


def _scene(scene_id: str) -> dict[str, str]:
    return {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": scene_id}


@pytest.mark.parametrize(
    ("key", "known", "status", "unknown", "owned_by"),
    [
        (
            "id",
            {"id": global_id(scale_reference(DEMO_PENDING))},
            "PENDING",
            {"id": global_id(scale_reference("unknown"))},
            global_id(scale_reference(DEMO_PENDING)),
        ),
        ("scaleTaskId", {"scaleTaskId": DEMO_PENDING}, "PENDING", {"scaleTaskId": "unknown"}, DEMO_PENDING),
        (SCENE_KEY, _scene("scene-0001"), "IN_REVIEW", _scene("unknown"), "scene-0001"),
    ],
)
def test_joins_both_ways(
    supergraph: Supergraph, key: str, known: dict[str, str], status: str, unknown: dict[str, str], owned_by: str
) -> None:
    """By each key, the other service's tasks get their status and the gateway's tasks get the other service's owner."""
    by = {"rosetta": known} if key == SCENE_KEY else known
    ours = "query($by: TaskBy!) { task(by: $by) { status owner } }"

    from_theirs, from_ours = supergraph.answers(key, (DATASET, {"tasks": [known, unknown]}), (ours, {"by": by}))

    assert (from_theirs.errors, from_ours.errors) == ([], [])
    joined, absent = from_theirs.data["dataset"]["tasks"]
    assert (joined["owner"], joined["status"]) == (f"owner of {owned_by}", status)
    # A status is never null, so the router makes the whole task null: in its place, beside its neighbour.
    assert absent is None
    assert from_ours.data == {"task": {"status": status, "owner": f"owner of {owned_by}"}}
    assert (from_theirs.datasetsRequests, from_ours.datasetsRequests) == (1, 1)


def test_requests_and_campaigns_join_both_ways(supergraph: Supergraph) -> None:
    """So do annotation requests and campaigns; of those that only the other service knows, our part is null."""
    theirs = """query($request: ID!, $campaign: String!, $unknown: ID!) {
      invoice(annotationRequestId: $request, campaignName: $campaign) {
        annotationRequest { budget campaignId } campaign { sponsor campaignId }
      }
      lost: invoice(annotationRequestId: $unknown, campaignName: "unknown") {
        annotationRequest { budget campaignId } campaign { sponsor type }
      }
    }"""
    ours = """query($request: ID!, $campaign: String!) {
      annotationRequest(annotationRequestId: $request) { campaignId budget }
      campaign(name: $campaign) { campaignId sponsor }
    }"""
    names = {"request": DEMO_REQUEST, "campaign": DEMO_CAMPAIGN_NAME}

    from_theirs, from_ours = supergraph.answers("id", (theirs, {**names, "unknown": "unknown"}), (ours, names))

    budget, sponsor = f"budget of {DEMO_REQUEST}", f"sponsor of {DEMO_CAMPAIGN_NAME}"
    joined = {"campaignId": DEMO_CAMPAIGN}
    assert (from_theirs.errors, from_ours.errors) == ([], [])
    assert from_theirs.data["invoice"] == {
        "annotationRequest": {"budget": budget, **joined},
        "campaign": {"sponsor": sponsor, **joined},
    }
    assert from_theirs.data["lost"] == {
        "annotationRequest": {"budget": "budget of unknown", "campaignId": None},
        "campaign": {"sponsor": "sponsor of unknown", "type": None},
    }
    assert from_ours.data == {
        "annotationRequest": {**joined, "budget": budget},
        "campaign": {**joined, "sponsor": sponsor},
    }


def test_more_than_a_hundred_entities(supergraph: Supergraph) -> None:
    """A list of 101 of another service costs nothing here: our part of it is null with a code, theirs stays whole."""
    tasks = [{"scaleTaskId": f"{number:024x}"} for number in range(101)]
    selected = "tasks { scaleTaskId project } pageInfo { hasNextPage }"
    query = f"query($tasks: [TaskKey!]!) {{ dataset(tasks: $tasks) {{ {selected} }} }}"

    (answer,) = supergraph.answers("scaleTaskId", (query, {"tasks": tasks}))

    assert answer.data["dataset"]["tasks"] == [{**task, "project": None} for task in tasks]
    assert answer.data["dataset"]["pageInfo"] == {"hasNextPage": False}
    assert {error["extensions"]["code"] for error in answer.errors} == {"BAD_USER_INPUT"}
    assert supergraph.calls() == (0, 0)


def test_a_hundred_entities_are_one_batch(supergraph: Supergraph) -> None:
    """100 scenes of one annotation request cost what one bulk read costs; asked for again they cost nothing."""
    store = supergraph.sandbox.rosetta.store
    request = max(store.annotation_requests(), key=lambda request: len(request.tasks))
    tasks = [
        {
            "campaignId": request.campaign_id,
            "annotationRequestId": request.annotation_request_id,
            "sceneId": scene_id,
        }
        for scene_id in list(request.tasks)[:100]
    ]
    before = supergraph.calls()

    first, again = supergraph.answers(SCENE_KEY, (DATASET, {"tasks": tasks}), (DATASET, {"tasks": tasks}))

    scale, rosetta = supergraph.calls()
    assert first.data == again.data
    assert [task["status"] is not None for task in first.data["dataset"]["tasks"]] == [True] * 100
    assert scale - before[0] == 0
    # The request itself, and a page of statistics for each hundred of its scenes.
    assert rosetta - before[1] <= 1 + -(-len(request.sources) // 100)


def test_a_bad_key_leaves_the_others_whole(supergraph: Supergraph) -> None:
    """A key that cannot be is null with an error of its own."""
    tasks = [{"scaleTaskId": "a/b"}, {"scaleTaskId": DEMO_COMPLETED}]

    (answer,) = supergraph.answers("scaleTaskId", (DATASET, {"tasks": tasks}))

    bad, good = answer.data["dataset"]["tasks"]
    assert bad is None
    assert good["status"] == "COMPLETED"
    assert [error["extensions"]["code"] for error in answer.errors] == ["BAD_USER_INPUT"]
