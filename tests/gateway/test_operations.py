"""The example operations run as they are against a fresh demo."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, OperationType, parse

from gateway.operations import ExampleOperation, example_operations
from gateway.sandbox.rosetta.seed import DEMO_FAILED_SCENE, DEMO_SCENE, OUTAGE_REQUEST
from tests.gateway.live_world import live_world, subscriber
from tests.gateway.world import World, world

EXAMPLES = example_operations()


def _operation(example: ExampleOperation) -> OperationDefinitionNode:
    """Its one operation; fragments may follow."""
    first, *others = parse(example.document).definitions
    assert isinstance(first, OperationDefinitionNode)
    assert not any(isinstance(other, OperationDefinitionNode) for other in others)
    return first


ANSWERED = [example for example in EXAMPLES if _operation(example).operation is not OperationType.SUBSCRIPTION]
STREAMED = [example for example in EXAMPLES if example not in ANSWERED]


@dataclass(frozen=True)
class Ran:
    """An example that ran twice in a demo of its own: the answers, and what the second one did not add to."""

    first: httpx.Response
    again: httpx.Response
    questions_of_the_outage: int
    waits_s: list[float]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.first.json()["data"]
        return data


async def _post(gateway: World, example: ExampleOperation) -> httpx.Response:
    body = {"query": example.document, "variables": dict(example.variable_values())}
    return await gateway.client.post("/graphql", json=body, headers=dict(example.header_values()))


async def _run_twice(example: ExampleOperation) -> Ran:
    async with world() as gateway:
        first, again = await _post(gateway, example), await _post(gateway, example)
        asked = [seen for seen in gateway.sandbox.rosetta.faults.recorder if OUTAGE_REQUEST in seen.query]
        return Ran(first, again, len(asked), gateway.waits_s)


@pytest.fixture(scope="module")
def ran() -> dict[str, Ran]:
    """Every example but the subscription, each against a fresh demo, by name."""
    return {example.name: asyncio.run(_run_twice(example)) for example in ANSWERED}


@pytest.mark.parametrize("example", ANSWERED, ids=lambda example: example.name)
def test_runs_without_errors(example: ExampleOperation, ran: dict[str, Ran]) -> None:
    """Each example is answered with data in every root field and no error, and so is its second run."""
    for response in (ran[example.name].first, ran[example.name].again):
        answer = response.json()

        assert "errors" not in answer
        assert None not in answer["data"].values()
        assert response.headers["x-request-id"] == example.header_values()["X-Request-Id"]


@pytest.mark.anyio
@pytest.mark.parametrize("example", STREAMED, ids=lambda example: example.name)
async def test_subscription_tells_each_task(example: ExampleOperation) -> None:
    """Over a socket the example's tasks are told as they stand, each with its outcome, and no message is an error."""
    by = example.variable_values()["by"]
    async with live_world() as gateway, subscriber(gateway.socket_url) as client:
        await client.watch(*by, query=example.document)
        changes = sorted([await client.change() for _ in by], key=lambda change: int(change["index"]))

    assert [change["index"] for change in changes] == [0, 1, 2]
    assert [change["task"] and change["task"]["backend"] for change in changes] == ["SCALE", "ROSETTA", None]
    assert [change["error"] and change["error"]["code"] for change in changes] == [None, None, "NOT_FOUND"]


def test_each_outcome_of_a_look_up_is_shown(ran: dict[str, Ran]) -> None:
    """The example of many look-ups shows tasks of both backends, one that is missing and one that is malformed."""
    found = ran["3-look-up-many"].data["lookupTasks"]

    assert [item["__typename"] for item in found] == ["Task", "Task", "Task", "TaskNotFoundError", "BadInputError"]
    assert {item["backend"] for item in found[:3]} == {"SCALE", "ROSETTA"}


def test_list_shows_a_failure_and_fills_the_page(ran: dict[str, Ran]) -> None:
    """Where a part of Rosetta is down its other tasks stand, Scale's fill the page, and the failure says what to do."""
    page = ran["4-one-list-over-both"].data["tasks"]

    assert [task["backend"] for task in page["nodes"]] == ["ROSETTA"] * 3 + ["SCALE"] * 5
    (failure,) = page["failures"]
    assert (failure["backend"], failure["code"]) == ("ROSETTA", "BACKEND_UNAVAILABLE")
    assert (failure["retryable"], failure["retryAfterSeconds"]) == (True, 30.0)
    assert page["pageInfo"]["hasNextPage"] is True


def test_the_outage_is_asked_once_a_page(ran: dict[str, Ran]) -> None:
    """The demo's outage asks for a wait that no caller sits out: no second try burdens the rest of Rosetta."""
    assert ran["4-one-list-over-both"].questions_of_the_outage == 2
    assert ran["4-one-list-over-both"].waits_s == []


def test_progress_is_shown_of_labelling_and_of_import(ran: dict[str, Ran]) -> None:
    """One request is imported and partly labelled, of the other one scenes are still becoming tasks."""
    data = ran["5-progress-of-requests"].data

    labelled, imported = data["labelled"], data["imported"]
    assert (labelled["importState"], imported["importState"]) == ("FINISHED", "PROCESSING")
    assert 0 < labelled["completedPercent"] < 100
    assert [scene["sceneId"] for scene in labelled["failedScenes"]] == [DEMO_FAILED_SCENE]
    assert sum(count["count"] for count in imported["statusCounts"]) == imported["sceneCount"]


def test_mutation_shows_success_and_each_refusal(ran: dict[str, Ran]) -> None:
    """One task is cancelled; a done, a begun, a Rosetta and an unknown one have a typed reason, and run again too."""
    results = ran["6-cancel-tasks"].data["cancelTasks"]["results"]

    assert results[0]["task"]["status"] == "CANCELED"
    assert [error["__typename"] for result in results[1:] for error in result["errors"]] == [
        "ActionNotAllowedError",
        "ActionNotAllowedError",
        "ActionNotSupportedError",
        "TaskNotFoundError",
    ]
    assert results[1]["errors"][0]["task"]["status"] == "COMPLETED"
    assert ran["6-cancel-tasks"].again.json() == ran["6-cancel-tasks"].first.json()


def test_one_scene_is_shown_in_both_backends(ran: dict[str, Ran]) -> None:
    """The scene's task of Rosetta has a history and its counterpart at Scale."""
    task = ran["8-one-scene-in-both"].data["task"]

    assert task["history"][0]["action"] == "CREATED"
    assert [(other["backend"], other["uniqueId"]) for other in task["counterparts"]] == [("SCALE", DEMO_SCENE)]
    assert task["annotationRequest"]["name"] == "Urban driving, week 12"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_is_one_named_operation(example: ExampleOperation) -> None:
    """Each example is one operation with a name: GraphiQL titles the tab with it."""
    assert _operation(example).name is not None


def test_every_kind_of_operation_is_shown() -> None:
    """Queries, a mutation and a subscription; no pane is empty but the variables of an operation that takes none."""
    kinds = {_operation(example).operation for example in EXAMPLES}
    empty = [
        example.name
        for example in EXAMPLES
        if not example.header_values() or (_operation(example).variable_definitions and not example.variable_values())
    ]

    assert kinds == set(OperationType)
    assert empty == []


def test_one_without_variables_is_refused(tmp_path: Path) -> None:
    """An example that lacks the file of its variables is no silent empty pane."""
    (tmp_path / "1-lonely.graphql").write_text("{ __typename }")

    with pytest.raises(FileNotFoundError):
        example_operations(tmp_path)
