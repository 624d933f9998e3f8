"""Statistics pages of the emulated Rosetta."""

from typing import Any

import pytest

from gateway.sandbox.rosetta import RosettaOptions
from tests.gateway.sandbox.rosetta_client import Rosetta, small_rosetta

pytestmark = pytest.mark.anyio


async def rows(backend: Rosetta, path: str = "/statistics", **query: Any) -> list[dict[str, Any]]:
    page = await backend.get(path, annotationRequestId="r", **query)
    data: list[dict[str, Any]] = page["data"]["data"]
    return data


async def test_a_row_tells_the_state_of_a_task() -> None:
    """A row has the documented fields and no more; its id is a number and joins the success map."""
    backend = small_rosetta(scenes=1)
    backend.sandbox.store.set_status("r", "s0", 4)
    success_map = (await backend.get("/annotation-request", annotationRequestId="r"))["data"]["successTaskMap"]

    (row,) = await rows(backend)

    labels = row.pop("instanceInfo")
    assert set(labels) == {"car", "pedestrian", "traffic-sign"}
    assert [str(row.pop("id"))] == list(success_map)
    assert row == {
        "status": 4,
        "campaignId": "c",
        "poolName": "Annotation Pool",
        "poolType": 1,
        "instanceNum": sum(labels.values()),
        "attributeNum": 3 * sum(labels.values()),
        "frameNum": 1,
    }


async def test_pages_are_numbered_from_1() -> None:
    """`offset` is a page number; every page tells the whole count; past the end a page is empty."""
    backend = small_rosetta(scenes=25)

    pages = [
        (await backend.get("/statistics", annotationRequestId="r", offset=page, limit=10))["data"]
        for page in (1, 2, 3, 4)
    ]

    ids = [row["id"] for page in pages for row in page["data"]]
    assert [len(page["data"]) for page in pages] == [10, 10, 5, 0]
    assert {page["count"] for page in pages} == {25}
    assert len(set(ids)) == 25


async def test_ten_rows_are_a_page_by_default() -> None:
    """Without offset and limit the first ten rows come."""
    assert len(await rows(small_rosetta(scenes=25))) == 10


@pytest.mark.parametrize(("path", "ceiling"), [("/statistics", 100), ("/statistics/record", 1000)])
async def test_a_page_is_limited(path: str, ceiling: int) -> None:
    """More than the ceiling is lowered to it, or refused when the switch says so."""
    backend = small_rosetta(scenes=1100)

    clamped = await rows(backend, path, limit=ceiling + 50)
    backend.sandbox.options = RosettaOptions(over_limit="reject")
    refused = await backend.get(path, annotationRequestId="r", limit=ceiling + 1)
    allowed = await rows(backend, path, limit=ceiling)

    assert (len(clamped), refused["code"], len(allowed)) == (ceiling, 4005, ceiling)


@pytest.mark.parametrize(
    "query", ["offset=0", "offset=-1", "limit=0", "limit=ten", "offset=1.5", "offset=", f"limit={'9' * 30}"]
)
async def test_a_page_number_or_size_that_makes_no_sense_is_4005(query: str) -> None:
    """Both are whole numbers from 1 up."""
    envelope = await small_rosetta().get(f"/statistics?annotationRequestId=r&{query}")

    assert envelope["code"] == 4005


@pytest.mark.parametrize(
    "query",
    [
        "annotationRequestId=r&annotationRequestId=q",
        "annotationRequestId%5B%5D=r&annotationRequestId%5B%5D=q",
        "annotationRequestId=r,q",
        "annotationRequestId=r%2Cq&annotationRequestId=r",
    ],
)
async def test_an_array_of_ids_is_read_in_three_ways(query: str) -> None:
    """Repeated keys, keys with brackets and commas name the same requests; naming one twice changes nothing."""
    backend = small_rosetta(scenes=2)
    backend.sandbox.store.add_annotation_request("q", "c", ["x"])

    assert (await backend.get(f"/statistics?{query}"))["data"]["count"] == 3


async def test_an_id_that_holds_a_comma_is_one_id() -> None:
    """A value that is itself an id is not split."""
    backend = small_rosetta()
    backend.sandbox.store.add_annotation_request("a,b", "c", ["x"])

    assert (await backend.get("/statistics", annotationRequestId="a,b"))["data"]["count"] == 1


@pytest.mark.parametrize("path", ["/statistics", "/statistics/record"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("annotationRequestId=nope", 53003),
        ("annotationRequestId=r,nope", 53003),
        ("", 4005),
        ("annotationRequestId=", 4005),
        (f"annotationRequestId={'x' * 256}", 4005),
    ],
)
async def test_one_bad_id_refuses_the_whole_call(path: str, query: str, code: int) -> None:
    """Unknown ids are 53003; missing, empty and over-long ones 4005."""
    assert (await small_rosetta().get(f"{path}?{query}"))["code"] == code


async def test_history_tells_who_did_what_and_when() -> None:
    """Each action is a record: its number, the worker, the time in Shanghai without a zone."""
    backend = small_rosetta(scenes=1)
    backend.sandbox.store.set_status("r", "s0", 2)
    backend.clock.advance(90)
    backend.sandbox.store.set_status("r", "s0", 3, worker="wei.zhang")

    records = await rows(backend, "/statistics/record")

    assert [
        (record["actionType"], record["status"], record["poolType"], record["createdTime"]) for record in records
    ] == [
        (0, 1, 0, "2025-03-25 04:00:00"),
        (5, 2, 1, "2025-03-25 04:00:00"),
        (13, 3, 1, "2025-03-25 04:01:30"),
    ]
    assert records[-1]["aliceName"] == "wei.zhang"
    assert {record["taskId"] for record in records} == {backend.sandbox.store.task("r", "s0").task_id}
    assert len({record["id"] for record in records}) == 3


async def test_records_come_oldest_first_across_tasks() -> None:
    """Records of several tasks are one list in the order of time."""
    backend = small_rosetta(scenes=2)
    for scene_id, status in [("s1", 2), ("s0", 2), ("s1", 3)]:
        backend.clock.advance(1)
        backend.sandbox.store.set_status("r", scene_id, status)

    times = [record["createdTime"][-2:] for record in await rows(backend, "/statistics/record")]

    assert times == ["00", "00", "01", "02", "03"]


async def test_a_record_counts_what_it_modified() -> None:
    """Submitting labels modifies instances; an action that changes none has empty instance info."""
    backend = small_rosetta(scenes=1)
    backend.sandbox.store.set_status("r", "s0", 4)

    created, submitted = await rows(backend, "/statistics/record")

    assert (created["instanceInfo"], created["modifyInstanceNum"], created["instanceSum"]) == ({}, 0, 0)
    assert submitted["modifyInstanceNum"] == sum(submitted["instanceInfo"].values()) > 0
    assert submitted["instanceSum"] == submitted["modifyInstanceNum"]
    assert submitted["attributesSum"] == submitted["modifyAttributesNum"] > 0
    assert set(submitted) >= {"folderId", "poolName", "campaignId", "taskId"}


@pytest.mark.parametrize(("share", "joining"), [(0.0, 100), (0.25, 75), (1.0, 0)])
async def test_ids_can_fail_to_join(share: float, joining: int) -> None:
    """The switch gives a share of the rows ids that the success map does not know, still of 18 digits."""
    backend = small_rosetta(RosettaOptions(unjoined_share=share), scenes=100)
    success_map = (await backend.get("/annotation-request", annotationRequestId="r"))["data"]["successTaskMap"]

    ids = {str(row["id"]) for row in await rows(backend, limit=100)}
    recorded = {str(record["taskId"]) for record in await rows(backend, "/statistics/record", limit=1000)}

    assert len(ids) == 100
    assert len(ids & set(success_map)) == joining
    assert recorded == ids
    assert {len(number) for number in ids} == {18}


async def test_campaign_ids_of_rows_can_be_numbers() -> None:
    """With the switch a numeric id becomes that number, another one the campaign's own number."""
    backend = small_rosetta(RosettaOptions(numeric_campaign_ids=True), scenes=1)
    backend.sandbox.store.add_campaign("4711")
    backend.sandbox.store.add_annotation_request("n", "4711", ["x"])

    page = await backend.get("/statistics", annotationRequestId=["r", "n"])

    assert [row["campaignId"] for row in page["data"]["data"]] == [1001, 4711]


async def test_frames_are_counted_per_campaign() -> None:
    """People's frames are those of labelled tasks; a prelabelling campaign counts all frames as automatic too."""
    backend = small_rosetta(scenes=3)
    store = backend.sandbox.store
    store.set_status("r", "s0", 4)
    store.add_campaign("p", workflow_type="Prelabeling Template")
    store.add_annotation_request("pr", "p", ["x", "y"])

    manual = await backend.get("/statistics/frames", campaignId="c")
    prelabelled = await backend.get("/statistics/frames", campaignId="p")

    assert manual["data"] == {"manualAnnotationFrames": 1, "autoAnnotationFrames": 0}
    assert prelabelled["data"] == {"manualAnnotationFrames": 0, "autoAnnotationFrames": 2}


@pytest.mark.parametrize(("query", "code"), [("?campaignId=nope", 51008), ("", 4005)])
async def test_frames_of_no_campaign(query: str, code: int) -> None:
    """An unknown campaign is 51008, a missing parameter 4005."""
    assert (await small_rosetta().get(f"/statistics/frames{query}"))["code"] == code
