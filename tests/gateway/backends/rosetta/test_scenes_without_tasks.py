"""Scenes that the backend does not know as tasks: found through their annotation request, or nowhere."""

import pytest

from schema.task import Task
from tests.fakes import rosetta
from tests.gateway.backends.rosetta.scripted import (
    REQUEST,
    ScriptedRequest,
    ScriptedRosetta,
    calls,
    failure,
    references,
    scenes,
    seen,
    success,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("code", [51006, 51008, 53003])
async def test_unknown_campaign_or_request_is_none_at_once(rosetta_api: ScriptedRosetta, code: int) -> None:
    """A campaign or annotation request that does not exist needs no second question."""
    rosetta_api.on("/task/get", failure(code))

    assert await rosetta_api.client.fetch([rosetta("scene")]) == [None]
    assert len(rosetta_api.requests) == 1


@pytest.mark.parametrize(
    ("state", "expected"),
    [("PROCESSING", "PENDING derived"), ("FAILED", "FAILED derived"), ("FINISHED", "UNKNOWN derived")],
)
@pytest.mark.parametrize("others", [0, 5])
async def test_scenes_that_are_no_tasks_are_derived(
    rosetta_api: ScriptedRosetta, state: str, expected: str, others: int
) -> None:
    """A scene that only its request lists has the status the request gives it, alone as in bulk."""
    request = ScriptedRequest(scenes(others), failed={"broken": "Data type mismatch"}, waiting=("later",), state=state)
    request.install(rosetta_api)
    wanted = [rosetta("later"), *references(others), rosetta("broken")]

    outcomes = await rosetta_api.client.fetch(wanted)

    assert seen(outcomes) == [expected, *["IN_PROGRESS 3"] * others, "FAILED derived"]
    assert rosetta_api.count(REQUEST) == 1
    assert isinstance(outcomes[0], Task)
    assert (outcomes[0].backend_status, outcomes[0].has_view_url) == (None, False)


async def test_status_0_needs_no_derivation(rosetta_api: ScriptedRosetta) -> None:
    """A failed scene for which the backend itself answers status 0 keeps that status."""
    ScriptedRequest({"broken": 0}).install(rosetta_api)

    assert seen(await rosetta_api.client.fetch([rosetta("broken")])) == ["FAILED 0"]
    assert calls(rosetta_api) == (1, 0, 0)


@pytest.mark.parametrize("others", [0, 5])
async def test_scene_that_nobody_lists_is_none(rosetta_api: ScriptedRosetta, others: int) -> None:
    """A scene that neither the backend nor its request knows is not found."""
    ScriptedRequest(scenes(others), state="PROCESSING").install(rosetta_api)

    outcomes = await rosetta_api.client.fetch([rosetta("nobody"), *references(others)])

    assert seen(outcomes) == [None, *["IN_PROGRESS 3"] * others]


@pytest.mark.parametrize("number", [1, 5])
async def test_scene_of_another_campaign_is_none(rosetta_api: ScriptedRosetta, number: int) -> None:
    """A scene whose campaign is not that of its annotation request is not found, alone as in bulk."""
    waiting = tuple(f"scene-{place}" for place in range(5))
    ScriptedRequest({}, waiting=waiting, state="PROCESSING", campaign_id="other").install(rosetta_api)

    assert seen(await rosetta_api.client.fetch(references(number))) == [None] * number


async def test_one_foreign_scene_among_many(rosetta_api: ScriptedRosetta) -> None:
    """In bulk the campaign of each reference counts."""
    ScriptedRequest(scenes(5)).install(rosetta_api)

    outcomes = await rosetta_api.client.fetch([*references(5), rosetta("scene-1", campaign_id="other")])

    assert seen(outcomes) == ["IN_PROGRESS 3"] * 5 + [None]


async def test_request_that_hides_its_campaign(rosetta_api: ScriptedRosetta) -> None:
    """Where the request does not name its campaign the backend itself is asked about each scene."""
    ScriptedRequest(scenes(5), campaign_id=None).install(rosetta_api)

    assert seen(await rosetta_api.client.fetch(references(5))) == ["IN_PROGRESS 3"] * 5
    assert calls(rosetta_api) == (5, 1, 0)


async def test_unknown_request_in_bulk(rosetta_api: ScriptedRosetta) -> None:
    """An annotation request that does not exist is one call for all its scenes."""
    rosetta_api.on("/annotation-request", success({"status": "ID_NOT_EXISTS"}))

    assert await rosetta_api.client.fetch(references(10)) == [None] * 10
    assert len(rosetta_api.requests) == 1


async def test_unknown_request_behind_unknown_scenes(rosetta_api: ScriptedRosetta) -> None:
    """Scenes unknown to the backend whose request is unknown too are not found, with one read of the request."""
    rosetta_api.on("/task/get", failure(56001))
    rosetta_api.on("/annotation-request", success({"status": "ID_NOT_EXISTS"}))

    assert await rosetta_api.client.fetch(references(2)) == [None, None]
    assert calls(rosetta_api) == (2, 1, 0)


async def test_failing_derivation_is_a_failure(rosetta_api: ScriptedRosetta) -> None:
    """When it cannot be learnt what an unknown scene is, the outcome is that failure and not "not found"."""
    rosetta_api.on("/task/get", failure(56001))
    rosetta_api.on("/annotation-request", failure(5000))

    assert seen(await rosetta_api.client.fetch([rosetta("scene")])) == ["BACKEND_UNAVAILABLE"]


async def test_scene_imported_between_two_reads(rosetta_api: ScriptedRosetta) -> None:
    """A scene that became a task after it was asked for is asked for once more."""
    request = ScriptedRequest({"scene": 1})
    request.install(rosetta_api)
    rosetta_api.on("/task/get", failure(56001), request.task)

    assert seen(await rosetta_api.client.fetch([rosetta("scene")])) == ["PENDING 1"]
    assert calls(rosetta_api) == (2, 1, 0)


async def test_listed_task_that_the_backend_denies(rosetta_api: ScriptedRosetta) -> None:
    """A task that its request lists and the backend denies twice is UNKNOWN, after a bounded number of calls."""
    ScriptedRequest({"scene": 1}).install(rosetta_api)
    rosetta_api.on("/task/get", failure(56001))

    assert seen(await rosetta_api.client.fetch([rosetta("scene")])) == ["UNKNOWN derived"]
    assert calls(rosetta_api) == (2, 1, 0)
