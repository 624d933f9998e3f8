"""What a seeded Rosetta holds."""

from collections import Counter
from typing import Any

import pytest

from gateway.sandbox.rosetta.records import AnnotationRequest
from gateway.sandbox.rosetta.seed import (
    BULK_REQUEST,
    CONFLICT_REQUEST,
    CONFLICT_SCENE,
    DEMO_CAMPAIGN,
    DEMO_CAMPAIGN_NAME,
    DEMO_FAILED_SCENE,
    DEMO_FOLDER,
    DEMO_MOVING_SCENE,
    DEMO_REQUEST,
    DEMO_SCENE,
    FAILED_REQUEST,
    ODD_CAMPAIGN,
    ODD_CAMPAIGN_NAME,
    ODD_REQUEST,
    ODD_SCENE_IDS,
    PROCESSING_REQUEST,
    SAMPLE_VIEW_URL,
    SINGLE_REQUEST,
    seed_rosetta,
)
from tests.gateway.sandbox.rosetta_client import START, Rosetta, rosetta

pytestmark = pytest.mark.anyio


@pytest.fixture(name="seeded", scope="module")
def seeded_fixture() -> Rosetta:
    """A seeded Rosetta that tests only read."""
    backend = rosetta()
    seed_rosetta(backend.sandbox)
    return backend


def records(request: AnnotationRequest) -> int:
    return sum(len(task.history) for task in request.tasks.values())


def test_there_are_twelve_requests_over_four_campaigns(seeded: Rosetta) -> None:
    """One request has 800 scenes, one a single scene, the others something between."""
    requests = seeded.sandbox.store.annotation_requests()
    sizes = {request.annotation_request_id: len(request.sources) for request in requests}

    assert (len(requests), len({request.campaign_id for request in requests})) == (12, 4)
    assert (sizes.pop(BULK_REQUEST), sizes.pop(SINGLE_REQUEST)) == (800, 1)
    assert all(1 < size < 800 for size in sizes.values())


def test_every_status_occurs(seeded: Rosetta) -> None:
    """All listed statuses and the gaps between them are there; 0 is a scene that failed to import."""
    statuses = {int(task.status) for task in seeded.sandbox.store.tasks()}

    assert statuses == {*range(1, 18), 99}


def test_every_import_state_occurs(seeded: Rosetta) -> None:
    """Requests are processing, finished and failed."""
    states = Counter(request.import_state.value for request in seeded.sandbox.store.annotation_requests())

    assert states == {"FINISHED": 9, "PROCESSING": 2, "FAILED": 1}


def test_only_the_bulk_request_has_more_than_a_page_of_records(seeded: Rosetta) -> None:
    """Each task has a history; the bulk request needs more than one page of 1000, the others do not."""
    requests = seeded.sandbox.store.annotation_requests()

    assert all(1 <= len(task.history) <= 16 for task in seeded.sandbox.store.tasks())
    assert [request.annotation_request_id for request in requests if records(request) > 1000] == [BULK_REQUEST]


def test_history_lies_in_the_past_and_in_order(seeded: Rosetta) -> None:
    """No record is from the future, and a task's first one is its creation."""
    for task in seeded.sandbox.store.tasks():
        times = [record.at for record in task.history]
        assert times == sorted(times)
        assert times[-1] <= START
        assert task.history[0].action == 0


async def test_the_demo_ids_answer(seeded: Rosetta) -> None:
    """The ids that documentation relies on exist, with the sample's view URL verbatim."""
    demo = await seeded.get_task(DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE)
    failed = await seeded.get_task(DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_FAILED_SCENE)
    campaign = await seeded.get(f"/campaign/{DEMO_CAMPAIGN_NAME}")

    assert demo["data"] == {"viewUrl": SAMPLE_VIEW_URL, "status": 6}
    assert failed["data"]["status"] == 0
    assert campaign["data"]["campaignId"] == DEMO_CAMPAIGN


async def test_the_folder_holds_several_campaigns(seeded: Rosetta) -> None:
    """Three of the four campaigns share a folder, one of them with a name that needs encoding."""
    listed = (await seeded.get("/campaign/queryByFolderName", folderName=DEMO_FOLDER))["data"]

    assert len(listed) == 3
    assert {"campaignId": ODD_CAMPAIGN, "campaignName": ODD_CAMPAIGN_NAME}.items() <= listed[1].items()


async def test_the_conflict_of_the_sample_is_there(seeded: Rosetta) -> None:
    """One scene is both in the success map and in the error map; others failed for two reasons."""
    data = (await seeded.get("/annotation-request", annotationRequestId=CONFLICT_REQUEST))["data"]

    assert CONFLICT_SCENE in data["successTaskMap"].values()
    assert CONFLICT_SCENE in data["errorSceneIdMap"]
    assert set(data["errorSceneIdMap"].values()) == {"Data type mismatch", "Scene id already exists"}


async def test_imports_are_under_way(seeded: Rosetta) -> None:
    """A backlog has imported some scenes and not the others; a broken request has only errors."""
    backlog: dict[str, Any] = (await seeded.get("/annotation-request", annotationRequestId=PROCESSING_REQUEST))["data"]
    broken: dict[str, Any] = (await seeded.get("/annotation-request", annotationRequestId=FAILED_REQUEST))["data"]

    assert (backlog["status"], len(backlog["successTaskMap"]), backlog["errorSceneIdMap"]) == ("PROCESSING", 15, None)
    assert (broken["status"], broken["successTaskMap"], len(broken["errorSceneIdMap"])) == ("FAILED", {}, 5)


async def test_odd_scene_ids_are_found(seeded: Rosetta) -> None:
    """Scene ids with slashes, reserved characters and other scripts come back as they were given."""
    answers = [await seeded.get_task(ODD_CAMPAIGN, ODD_REQUEST, scene_id) for scene_id in ODD_SCENE_IDS]

    assert {answer["code"] for answer in answers} == {2000}


async def test_links_name_tasks_that_exist(seeded: Rosetta) -> None:
    """At least 60 links over at least 4 requests, odd ids among them, each to a task."""
    links = seed_rosetta(rosetta().sandbox)

    assert len(links) == len(set(links)) >= 60
    assert len({link.annotation_request_id for link in links}) >= 4
    assert {*ODD_SCENE_IDS, DEMO_SCENE, DEMO_MOVING_SCENE} <= {link.scene_id for link in links}
    assert all(
        seeded.sandbox.store.task(link.annotation_request_id, link.scene_id).scene_id == link.scene_id for link in links
    )


def test_the_moving_scene_changes_within_twenty_seconds() -> None:
    """For ten minutes no state of the moving scene lasts longer, while the demo scene stands still."""
    backend = rosetta()
    seed_rosetta(backend.sandbox)
    task = backend.sandbox.store.task(DEMO_REQUEST, DEMO_MOVING_SCENE)
    lasting: list[int] = [0]
    for _ in range(600):
        before = task.status
        backend.clock.advance(1)
        backend.sandbox.step()
        lasting = [*lasting[:-1], lasting[-1] + 1] if task.status == before else [*lasting, 1]

    assert max(lasting) <= 20
    assert len(lasting) > 30
    assert backend.sandbox.store.task(DEMO_REQUEST, DEMO_SCENE).status == 6


def test_seeding_twice_gives_the_same(seeded: Rosetta) -> None:
    """Two seeded sandboxes at the same time hold equal data."""
    backend = rosetta()
    seed_rosetta(backend.sandbox)

    assert backend.sandbox.store.annotation_requests() == seeded.sandbox.store.annotation_requests()
