"""Creating, reading and scheduling annotation requests in the emulated Rosetta."""

from typing import Any

import pytest

from gateway.sandbox.rosetta import RosettaOptions
from tests.gateway.sandbox.rosetta_client import Rosetta, small_rosetta

pytestmark = pytest.mark.anyio

PATH = "/annotation-request"
SCHEDULE = "/annotation-request/task/schedule"


def creation(**changes: Any) -> dict[str, Any]:
    """A creation body that is accepted, with changes."""
    return {
        "annotationRequestId": "new",
        "annotationRequestName": "New",
        "campaignId": "c",
        "sceneIdMap": {"a": "gs://bucket/a.json", "b": "gs://bucket/b.YAML"},
    } | changes


async def read(backend: Rosetta, request_id: str) -> Any:
    return (await backend.get(PATH, annotationRequestId=request_id))["data"]


async def test_creation_is_accepted_and_imports_later() -> None:
    """Creation answers null data; scenes turn into tasks one by one as the clock moves on."""
    backend = small_rosetta()

    created = await backend.post(PATH, creation())
    states = []
    for _ in range(3):
        data = await read(backend, "new")
        states.append((data["status"], len(data["successTaskMap"] or {})))
        backend.clock.advance(1)

    assert (created["code"], created["data"]) == (2000, None)
    assert states == [("PROCESSING", 0), ("PROCESSING", 1), ("FINISHED", 2)]


async def test_the_success_map_leads_from_task_id_to_scene() -> None:
    """Keys are task ids as texts of 18 digits above 2 to the 53rd; neighbours collide as doubles."""
    data = await read(small_rosetta(), "r")
    ids = [int(key) for key in data["successTaskMap"]]

    assert list(data["successTaskMap"].values()) == ["s0", "s1", "s2", "s3", "s4"]
    assert all(len(str(number)) == 18 and number > 2**53 for number in ids)
    assert len({float(number) for number in ids}) < len(ids)


async def test_the_creation_body_is_echoed() -> None:
    """`annotationRequestInfo` repeats what was sent."""
    backend = small_rosetta()
    await backend.post(PATH, creation())

    assert (await read(backend, "new"))["annotationRequestInfo"] == creation(operatorKeys=None)


async def test_scenes_that_cannot_be_imported_get_an_error_text() -> None:
    """A file of another type and a scene id used before in the campaign end in the error map."""
    backend = small_rosetta()
    scenes = {"ok": "gs://b/ok.json", "bad": "gs://b/bad.png", "path": "bad.json", "s0": "gs://b/s0.json"}
    await backend.post(PATH, creation(sceneIdMap=scenes))
    backend.clock.advance(2)

    data = await read(backend, "new")

    assert data["status"] == "FINISHED"
    assert data["errorSceneIdMap"] == {
        "bad": "Data type mismatch",
        "path": "Data type mismatch",
        "s0": "Scene id already exists",
    }


async def test_a_request_without_any_task_has_failed() -> None:
    """When no scene could be imported the request is FAILED and its success map empty."""
    backend = small_rosetta()
    await backend.post(PATH, creation(sceneIdMap={"bad": "gs://b/bad.png"}))
    backend.clock.advance(2)

    data = await read(backend, "new")

    assert (data["status"], data["successTaskMap"]) == ("FAILED", {})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"campaignId": "nope"}, 51008),
        ({"annotationRequestId": "r"}, 53004),
        ({"annotationRequestName": "r"}, 53005),
        ({"operatorKeys": ["boat"]}, 52003),
        ({"annotationRequestId": "x" * 256}, 4005),
        ({"annotationRequestName": ""}, 4005),
        ({"campaignId": None}, 4005),
        ({"sceneIdMap": {}}, 4005),
        ({"sceneIdMap": ["a"]}, 4005),
        ({"sceneIdMap": {"a": 1}}, 4005),
        ({"operatorKeys": "car"}, 4005),
    ],
)
async def test_a_creation_that_does_not_fit_is_refused(changes: dict[str, Any], code: int) -> None:
    """Each documented code has its cause, and a refused creation leaves nothing behind."""
    backend = small_rosetta()

    refused = await backend.post(PATH, creation(**changes))

    assert (refused["code"], refused["data"]) == (code, None)
    assert len(backend.sandbox.store.annotation_requests()) == 1


async def test_a_repeat_is_a_repeated_submission_and_later_an_existing_id() -> None:
    """While the first one imports a repeat is 53001, afterwards 53004; the same id under another name 53004."""
    backend = small_rosetta()
    await backend.post(PATH, creation())

    renamed = await backend.post(PATH, creation(annotationRequestName="Other"))
    early = await backend.post(PATH, creation())
    backend.clock.advance(2)
    late = await backend.post(PATH, creation())

    assert (renamed["code"], early["code"], late["code"]) == (53004, 53001, 53004)


async def test_operator_keys_of_the_taxonomy_are_accepted() -> None:
    """Keys that the campaign's taxonomy knows pass and are echoed."""
    backend = small_rosetta()
    backend.sandbox.store.taxonomies["boats"] = frozenset({"boat", "buoy"})
    backend.sandbox.store.add_campaign("harbour", taxonomy_version_name="boats")

    await backend.post(PATH, creation(campaignId="harbour", operatorKeys=["boat"]))

    assert (await read(backend, "new"))["annotationRequestInfo"]["operatorKeys"] == ["boat"]


async def test_an_unknown_request_is_a_success_that_says_so_or_53003() -> None:
    """By default the answer is 2000 with ID_NOT_EXISTS; the switch makes it 53003."""
    backend = small_rosetta()

    in_band = await backend.get(PATH, annotationRequestId="nope")
    backend.sandbox.options = RosettaOptions(unknown_request="code")
    switched = await backend.get(PATH, annotationRequestId="nope")

    assert (in_band["code"], in_band["data"]["status"]) == (2000, "ID_NOT_EXISTS")
    assert in_band["data"]["successTaskMap"] is None
    assert switched["code"] == 53003


@pytest.mark.parametrize("path", [PATH, SCHEDULE])
@pytest.mark.parametrize("query", ["", "?annotationRequestId=", f"?annotationRequestId={'x' * 256}"])
async def test_the_id_is_required(path: str, query: str) -> None:
    """A missing, empty or over-long id is 4005."""
    assert (await small_rosetta().get(path + query))["code"] == 4005


@pytest.mark.parametrize(("switch", "expected"), [("null", None), ("empty", {}), ("absent", "missing")])
async def test_empty_maps_of_a_running_import_come_in_three_shapes(switch: Any, expected: object) -> None:
    """Null, empty or absent, as the switch says."""
    backend = small_rosetta(RosettaOptions(empty_maps=switch))
    backend.sandbox.store.add_annotation_request("later", "c", ["x"], import_s=60)

    data = await read(backend, "later")

    assert data.get("successTaskMap", "missing") == expected
    assert data.get("errorSceneIdMap", "missing") == expected


async def test_import_percents_are_absent_unless_switched_on() -> None:
    """The two schedule numbers of the sample are sent only when the switch is on."""
    backend = small_rosetta(scenes=3)
    backend.sandbox.store.fail_scene("r", "s0")

    by_default = await read(backend, "r")
    backend.sandbox.options = RosettaOptions(schedule_percents=True)
    switched = await read(backend, "r")

    assert "successSchedule" not in by_default
    assert (switched["successSchedule"], switched["errorSchedule"]) == (66.67, 33.33)


async def test_the_schedule_tells_what_is_in_the_completion_pool() -> None:
    """A percentage with two decimals, and the delivered file of each completed scene, spaces kept."""
    backend = small_rosetta(scenes=3)
    task = backend.sandbox.store.complete("r", "s1")

    data = (await backend.get(SCHEDULE, annotationRequestId="r"))["data"]

    assert data == {
        "status": "In Progress",
        "completionPoolSchedule": 33.33,
        "completionSceneMap": {"s1": f"gs://sandbox-delivery/Campaign C/{task.task_id}.json"},
    }


async def test_a_schedule_is_completed_when_every_task_is() -> None:
    """The status turns to Completed with the last task."""
    backend = small_rosetta(scenes=2)
    for scene_id in ("s0", "s1"):
        backend.sandbox.store.set_status("r", scene_id, 16)

    data = (await backend.get(SCHEDULE, annotationRequestId="r"))["data"]

    assert (data["status"], data["completionPoolSchedule"]) == ("Completed", 100.0)


async def test_the_schedule_of_a_request_without_tasks_is_in_progress() -> None:
    """Before the first import nothing is complete."""
    backend = small_rosetta()
    backend.sandbox.store.add_annotation_request("later", "c", ["x"], import_s=60)

    data = (await backend.get(SCHEDULE, annotationRequestId="later"))["data"]

    assert data == {"status": "In Progress", "completionPoolSchedule": 0.0, "completionSceneMap": {}}


@pytest.mark.parametrize(("switch", "code"), [("code", 53003), ("null", 2000), ("empty", 2000)])
async def test_the_schedule_of_an_unknown_request_is_a_switch(switch: Any, code: int) -> None:
    """53003, null data or an empty map."""
    backend = small_rosetta(RosettaOptions(unknown_schedule=switch))

    envelope = await backend.get(SCHEDULE, annotationRequestId="nope")

    assert envelope["code"] == code
    assert (envelope["data"] is None) is (switch != "empty")
