"""Get Task of the emulated Rosetta."""

import pytest

from gateway.sandbox.rosetta import RosettaOptions
from tests.gateway.sandbox.rosetta_client import small_rosetta

pytestmark = pytest.mark.anyio


async def test_a_task_is_a_view_url_and_a_status() -> None:
    """Nothing else is told; the URL has one slash and a number beyond 64 bits, as in the sample."""
    backend = small_rosetta()
    task = backend.sandbox.store.task("r", "s1")

    data = (await backend.get_task("c", "r", "s1"))["data"]

    assert data == {
        "viewUrl": f"https:/rosetta.example/rosetta-open/task/1001/{task.task_id}904/viewOnly",
        "status": 1,
    }
    assert int(f"{task.task_id}904") > 2**64


async def test_the_first_thing_missing_decides() -> None:
    """Campaign, annotation request and scene are checked in this order."""
    backend = small_rosetta()
    backend.sandbox.store.add_campaign("other")

    codes = [
        (await backend.get_task(*triple))["code"]
        for triple in [("no", "no", "no"), ("c", "no", "no"), ("other", "r", "s0"), ("c", "r", "no")]
    ]

    assert codes == [51008, 53003, 53003, 56001]


@pytest.mark.parametrize(
    ("campaign", "request_id", "scene", "code"),
    [
        ("", "r", "s0", 4005),
        ("c", "", "s0", 4005),
        ("c", "r", "", 4005),
        ("é" * 128, "r", "s0", 4005),
        ("é" * 127, "r", "s0", 51008),
        ("c", "x" * 256, "s0", 4005),
        ("c", "r", "x" * 2000, 56001),
    ],
)
async def test_ids_are_limited_in_bytes(campaign: str, request_id: str, scene: str, code: int) -> None:
    """Campaign and request ids hold at most 255 bytes; scene ids have no limit; none may be empty."""
    assert (await small_rosetta().get_task(campaign, request_id, scene))["code"] == code


@pytest.mark.parametrize("body", [{}, {"campaignId": 1}, {"campaignId": "c", "annotationRequestId": None}])
async def test_a_missing_or_mistyped_field_is_4005(body: dict[str, object]) -> None:
    """All three fields are required texts."""
    assert (await small_rosetta().post("/task/get", body))["code"] == 4005


async def test_a_scene_that_failed_to_import_has_status_0_or_is_missing() -> None:
    """By default a failed scene answers status 0; the switch makes it an unknown scene."""
    backend = small_rosetta()
    backend.sandbox.store.fail_scene("r", "s0")

    by_default = await backend.get_task("c", "r", "s0")
    backend.sandbox.options = RosettaOptions(failed_scene="not_found")
    switched = await backend.get_task("c", "r", "s0")

    assert by_default["data"] == {"viewUrl": None, "status": 0}
    assert switched["code"] == 56001


async def test_a_scene_that_is_still_importing_is_unknown() -> None:
    """Until its import a scene answers 56001, then the status of a new task."""
    backend = small_rosetta()
    backend.sandbox.store.add_annotation_request("later", "c", ["x"], import_s=60)

    before = await backend.get_task("c", "later", "x")
    backend.clock.advance(60)
    after = await backend.get_task("c", "later", "x")

    assert (before["code"], after["data"]["status"]) == (56001, 1)


@pytest.mark.parametrize("status", [0, 7, 11, 17, 99])
async def test_any_status_can_be_set(status: int) -> None:
    """A test may give a task any number as its status, listed or not."""
    backend = small_rosetta()
    backend.sandbox.store.set_status("r", "s0", status)

    assert (await backend.get_task("c", "r", "s0"))["data"]["status"] == status
