"""Annotation requests, their schedule, and what they tell of scenes that are no tasks."""

import httpx
import pytest

from gateway.backends.rosetta import ImportState, Schedule
from gateway.backends.rosetta.annotation_requests import derived_status, parse_annotation_request
from gateway.backends.rosetta.fields import Fields
from schema.status import TaskStatus
from tests.gateway.backends.rosetta.scripted import ScriptedRosetta, failure, recorded, success

A = "1c3d5e7f-0a2b-4c6d-8e9f-112233445566"
B = "2d4e6f80-1b3c-4d7e-9fa0-223344556677"
C = "3e5f7091-2c4d-4e8f-a0b1-334455667788"


@pytest.mark.anyio
async def test_documented_annotation_request(rosetta_api: ScriptedRosetta) -> None:
    """The documented sample: scenes in their map's order, task ids whole, success winning over an error beside it."""
    rosetta_api.on("/annotation-request", recorded("annotation_request"))

    request = await rosetta_api.client.annotation_request("ar-1")

    assert request is not None
    assert (request.annotation_request_id, request.name) == ("ar-1", "First Annotation Request")
    assert (request.campaign_id, request.import_state) == ("campaign-1", ImportState.FINISHED)
    assert request.operator_keys == ("car", "pedestrian")
    assert request.scene_ids == (C, B, A)
    assert request.task_ids == {A: "466917967054114816", B: "466917967054114817"}
    assert request.failed_scenes == {C: "Data type mismatch"}
    assert request.warnings == {B: "Scene id already exists"}


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [recorded("annotation_request_unknown"), failure(53003), failure(53003, 500)])
async def test_unknown_annotation_request(rosetta_api: ScriptedRosetta, answer: httpx.Response) -> None:
    """An id that does not exist is None, told in band or by code."""
    rosetta_api.on("/annotation-request", answer)

    assert await rosetta_api.client.annotation_request("nobody") is None


@pytest.mark.anyio
async def test_schedule_without_percentages_of_the_import(rosetta_api: ScriptedRosetta) -> None:
    """The schedule tells the share of finished tasks and their files, whose URIs may hold spaces."""
    rosetta_api.on("/annotation-request/task/schedule", recorded("schedule"))

    schedule = await rosetta_api.client.schedule("ar-1")

    uri = "gs://delivery/First Campaign/466917967054114816.json"
    assert schedule == Schedule(status="In Progress", completed_percent=33.33, delivered_files={A: uri})
    assert not schedule.is_completed


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [failure(53003), success(None), success({})])
async def test_unknown_schedule(rosetta_api: ScriptedRosetta, answer: httpx.Response) -> None:
    """The schedule of an unknown request is None in each form that the vendor leaves open."""
    rosetta_api.on("/annotation-request/task/schedule", answer)

    assert await rosetta_api.client.schedule("nobody") is None


@pytest.mark.anyio
async def test_schedule_with_misfits(rosetta_api: ScriptedRosetta) -> None:
    """Percentages beyond 100 and files that are no text are left out and reported."""
    data = {"status": "Completed", "completionPoolSchedule": 101, "completionSceneMap": {"a": "gs://a", "b": True}}
    rosetta_api.on("/annotation-request/task/schedule", success(data))

    schedule = await rosetta_api.client.schedule("ar-1")

    assert schedule == Schedule(status="Completed", completed_percent=None, delivered_files={"a": "gs://a"})
    assert schedule.is_completed
    assert sorted(rosetta_api.misfits) == ["completionPoolSchedule", "completionSceneMap"]


def test_percentages_and_maps_may_be_missing() -> None:
    """While the import runs every map may be null or absent, and nothing is counted as wrong."""
    misfits: list[str] = []
    absent: dict[str, object] = {"status": "PROCESSING"}
    for data in (absent, {**absent, "successTaskMap": None, "errorSceneIdMap": {}}):
        request = parse_annotation_request("x", Fields(data, misfits.append))

        assert request is not None
        assert (request.campaign_id, request.scene_ids, request.task_ids) == (None, (), {})
    assert misfits == []


def test_of_two_tasks_of_a_scene_the_largest_id_counts() -> None:
    """A scene with two tasks is the one with the larger number, not the later text."""
    data = {"status": "FINISHED", "successTaskMap": {"99": "a", "100": "a", "98": "a", "7": "b"}}
    request = parse_annotation_request("x", Fields(data, list[str]().append))

    assert request is not None
    assert request.task_ids == {"a": "100", "b": "7"}
    assert request.scene_ids == ("a", "b")


def test_misfits_in_maps_lose_one_entry_only() -> None:
    """A scene id that came as a number is its digits; an entry of another type is reported, the rest stands."""
    data: dict[str, object] = {
        "status": "FINISHED",
        "successTaskMap": {"1": 77, "2": ["x"], "3": "c"},
        "errorSceneIdMap": {"d": None, "e": "no"},
        "annotationRequestInfo": {"campaignId": 1001, "sceneIdMap": [], "operatorKeys": ["car", {}]},
    }
    misfits: list[str] = []
    request = parse_annotation_request("x", Fields(data, misfits.append))

    assert request is not None
    assert request.task_ids == {"77": "1", "c": "3"}
    assert request.failed_scenes == {"d": "", "e": "no"}
    assert (request.campaign_id, request.operator_keys) == ("1001", ("car",))
    assert sorted(misfits) == ["errorSceneIdMap", "operatorKeys", "sceneIdMap", "successTaskMap"]


@pytest.mark.parametrize(
    ("state", "scene", "expected"),
    [
        ("PROCESSING", "waiting", TaskStatus.PENDING),
        ("PROCESSING", "failed", TaskStatus.FAILED),
        ("PROCESSING", "task", TaskStatus.PENDING),
        ("PROCESSING", "nobody", None),
        ("FAILED", "waiting", TaskStatus.FAILED),
        ("FAILED", "failed", TaskStatus.FAILED),
        ("FAILED", "task", TaskStatus.UNKNOWN),
        ("FINISHED", "waiting", TaskStatus.UNKNOWN),
        ("FINISHED", "failed", TaskStatus.FAILED),
        ("FINISHED", "task", TaskStatus.UNKNOWN),
        ("FINISHED", "nobody", None),
        ("A_NEW_WORD", "waiting", TaskStatus.UNKNOWN),
    ],
)
def test_status_of_a_scene_that_is_no_task(state: str, scene: str, expected: TaskStatus | None) -> None:
    """What a request says of a scene that the backend does not know as a task."""
    data = {
        "status": state,
        "successTaskMap": {"1": "task"},
        "errorSceneIdMap": {"failed": "Data type mismatch"},
        "annotationRequestInfo": {"sceneIdMap": {"task": "gs://a", "failed": "gs://b", "waiting": "gs://c"}},
    }
    request = parse_annotation_request("x", Fields(data, list[str]().append))

    assert request is not None
    assert derived_status(request, scene) is expected
