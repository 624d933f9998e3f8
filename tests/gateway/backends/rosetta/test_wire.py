"""What leaves for Rosetta, byte by byte, and what each read makes of the answer."""

import json
from datetime import timedelta

import httpx
import pytest

from gateway.backends.rosetta import Campaign, Frames
from schema.errors import ErrorCode, GatewayError
from schema.task import Task
from tests.fakes import rosetta, scale
from tests.gateway.backends.rosetta.scripted import NOW, ScriptedRosetta, failure, recorded, success

pytestmark = pytest.mark.anyio

SIGNED_AT_NOW = {
    "x-stardust-key": "example-access-key",
    "x-ts": "1742846400000",
    "x-sign": "c97101dd9a2d5efc1fe7b7b8be9986c6",
}


def raw_url(request: httpx.Request) -> str:
    return request.url.raw_path.decode()


async def test_single_read_on_the_wire(rosetta_api: ScriptedRosetta) -> None:
    """One task is a signed POST whose JSON names the three ids, and nothing else."""
    rosetta_api.on("/task/get", recorded("task_get"))

    [task] = await rosetta_api.client.fetch([rosetta("s3://b/車両.png", "a/b", "..")])

    [request] = rosetta_api.requests
    assert isinstance(task, Task)
    assert (request.method, str(request.url)) == ("POST", "https://rosetta.example/rosetta-open/task/get")
    assert json.loads(request.content) == {
        "campaignId": "..",
        "annotationRequestId": "a/b",
        "sceneId": "s3://b/車両.png",
    }
    assert request.headers["content-type"] == "application/json"
    assert {name: request.headers[name] for name in SIGNED_AT_NOW} == SIGNED_AT_NOW


async def test_documented_answer_of_a_single_read(rosetta_api: ScriptedRosetta) -> None:
    """The documented sample is a task in progress whose view URL is verbatim."""
    rosetta_api.on("/task/get", recorded("task_get"))

    [task] = await rosetta_api.client.fetch([rosetta("scene")])

    assert isinstance(task, Task)
    assert task.backend_status is not None
    assert (task.status.name, task.backend_status.value, task.fetched_at) == ("IN_PROGRESS", "3", NOW)
    assert task.known_view_url == "https:/${domain}/rosetta-open/task/1001/466917967054114816904/viewOnly"


async def test_each_read_has_its_url(rosetta_api: ScriptedRosetta) -> None:
    """Reads are GETs without a body; ids stand percent-encoded in the query; pages count from 1."""
    client = rosetta_api.client
    request_id = "a/b,c & 車"
    rosetta_api.on("/annotation-request", recorded("annotation_request_unknown"))
    rosetta_api.on("/annotation-request/task/schedule", recorded("schedule"))
    rosetta_api.on("/statistics", success({"count": 0, "data": []}))
    rosetta_api.on("/statistics/record", success({"count": 0, "data": []}))
    rosetta_api.on("/statistics/frames", success({"manualAnnotationFrames": 1, "autoAnnotationFrames": 2}))
    rosetta_api.on("/campaign/queryByFolderName", success([]))
    rosetta_api.on("/system/getStatus", success(["All systems are operational"]))

    await client.annotation_request(request_id)
    await client.schedule(request_id)
    await client.statistics(request_id)
    await client.history(request_id)
    await client.frames("c 1")
    await client.campaigns_of_folder("a/b")
    await client.system_status()

    encoded = "a%2Fb%2Cc%20%26%20%E8%BB%8A"
    base = "/rosetta-open"
    assert [raw_url(request) for request in rosetta_api.requests] == [
        f"{base}/annotation-request?annotationRequestId={encoded}",
        f"{base}/annotation-request/task/schedule?annotationRequestId={encoded}",
        f"{base}/statistics?annotationRequestId={encoded}&offset=1&limit=100",
        f"{base}/statistics/record?annotationRequestId={encoded}&offset=1&limit=1000",
        f"{base}/statistics/frames?campaignId=c%201",
        f"{base}/campaign/queryByFolderName?folderName=a%2Fb",
        f"{base}/system/getStatus",
    ]
    assert {request.method for request in rosetta_api.requests} == {"GET"}
    assert {request.content for request in rosetta_api.requests} == {b""}


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("First Campaign", "First%20Campaign"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("車両", "%E8%BB%8A%E4%B8%A1"),
        ("a?b#c", "a%3Fb%23c"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
    ],
)
async def test_campaign_names_are_one_path_segment(rosetta_api: ScriptedRosetta, name: str, segment: str) -> None:
    """A campaign's name stands in the path so that it names exactly itself."""
    rosetta_api.on(f"/campaign/{segment}", recorded("campaign"))

    found = await rosetta_api.client.campaign(name)

    assert [raw_url(request) for request in rosetta_api.requests] == [f"/rosetta-open/campaign/{segment}"]
    assert found == Campaign(
        campaign_id="campaign-1",
        name="First Campaign",
        type="Formal",
        workflow_type="Manual Template",
        taxonomy_version_name="taxonomy-1",
        folder_name="Road Scenes",
    )


async def test_stale_signature_is_signed_again_once(rosetta_api: ScriptedRosetta) -> None:
    """A signature that is too old is made anew with the present time, and the read succeeds."""

    def stale(_: httpx.Request) -> httpx.Response:
        rosetta_api.now += timedelta(minutes=10)
        return recorded("stale_signature")

    rosetta_api.on("/task/get", stale, recorded("task_get"))

    [task] = await rosetta_api.client.fetch([rosetta("scene")])

    first, second = rosetta_api.requests
    assert isinstance(task, Task)
    assert (first.headers["x-ts"], second.headers["x-ts"]) == ("1742846400000", "1742847000000")
    assert first.headers["x-sign"] != second.headers["x-sign"]


@pytest.mark.parametrize(("code", "calls"), [(403, 2), (401, 1), (402, 1)])
async def test_refused_credentials_are_not_tried_for_ever(rosetta_api: ScriptedRosetta, code: int, calls: int) -> None:
    """Only a stale signature gets one more try; then the refusal stands, as a value."""
    rosetta_api.on("/task/get", failure(code))

    [outcome] = await rosetta_api.client.fetch([rosetta("scene")])

    assert isinstance(outcome, GatewayError)
    assert outcome.code is ErrorCode.BACKEND_REFUSED
    assert rosetta_api.count("POST /task/get") == calls


@pytest.mark.parametrize("status", [404, 405])
async def test_missing_endpoint_is_not_supported(rosetta_api: ScriptedRosetta, status: int) -> None:
    """An installation without Get Task is told apart from a task that does not exist."""
    rosetta_api.on("/task/get", httpx.Response(status, text="Not Found"))

    [outcome] = await rosetta_api.client.fetch([rosetta("scene")])

    assert isinstance(outcome, GatewayError)
    assert (outcome.code, outcome.retryable) == (ErrorCode.NOT_SUPPORTED, False)
    assert "POST /task/get" in outcome.message


async def test_unknown_things_are_none(rosetta_api: ScriptedRosetta) -> None:
    """What Rosetta does not know is None from every read, whichever code says so."""
    client = rosetta_api.client
    for path, code in {
        "/annotation-request": 53003,
        "/annotation-request/task/schedule": 53003,
        "/statistics": 53003,
        "/statistics/record": 53003,
        "/statistics/frames": 51008,
        "/campaign/nobody": 51009,
        "/campaign/queryByFolderName": 54007,
    }.items():
        rosetta_api.on(path, failure(code))

    assert await client.annotation_request("x") is None
    assert await client.schedule("x") is None
    assert await client.statistics("x") is None
    assert await client.history("x") is None
    assert await client.frames("x") is None
    assert await client.campaign("nobody") is None
    assert await client.campaigns_of_folder("x") is None


async def test_campaigns_of_a_folder_without_the_damaged_one(rosetta_api: ScriptedRosetta) -> None:
    """A campaign without an id is left out and counted; ids that came as numbers are texts."""
    rosetta_api.on(
        "/campaign/queryByFolderName",
        success([{"campaignId": 1001, "campaignName": "A"}, {"campaignName": "B"}, "C"]),
    )

    found = await rosetta_api.client.campaigns_of_folder("Road Scenes")

    assert found is not None
    assert [(campaign.campaign_id, campaign.name, campaign.type) for campaign in found] == [("1001", "A", None)]
    assert rosetta_api.misfits == ["data", "campaignId"]


async def test_frames_are_counts_or_null(rosetta_api: ScriptedRosetta) -> None:
    """A count that is no integer is null and reported; the other stands."""
    rosetta_api.on("/statistics/frames", success({"manualAnnotationFrames": 12, "autoAnnotationFrames": "many"}))

    assert await rosetta_api.client.frames("campaign") == Frames(manual=12, automatic=None)
    assert rosetta_api.misfits == ["autoAnnotationFrames"]


async def test_system_status_is_free_text(rosetta_api: ScriptedRosetta) -> None:
    """The vendor's sentences come as they are."""
    rosetta_api.on("/system/getStatus", success(["All systems are operational"]))

    assert await rosetta_api.client.system_status() == ("All systems are operational",)


@pytest.mark.parametrize("data", [None, [], "x", 7])
async def test_data_of_another_shape_is_a_bad_response(rosetta_api: ScriptedRosetta, data: object) -> None:
    """A success whose data has not the documented shape is a bad response, alone as in typed reads."""
    rosetta_api.on("/task/get", success(data))
    rosetta_api.on("/annotation-request", success(data))

    [outcome] = await rosetta_api.client.fetch([rosetta("scene")])
    with pytest.raises(GatewayError) as raised:
        await rosetta_api.client.annotation_request("x")

    assert isinstance(outcome, GatewayError)
    assert outcome.code is raised.value.code is ErrorCode.BACKEND_BAD_RESPONSE


async def test_task_of_another_backend_is_a_mistake(rosetta_api: ScriptedRosetta) -> None:
    """A Scale reference that comes here is a fault of the caller, not of a backend."""
    with pytest.raises(TypeError):
        await rosetta_api.client.fetch([scale("abc")])


async def test_calls_are_reported_by_endpoint(rosetta_api: ScriptedRosetta) -> None:
    """Each call is reported under its endpoint, without ids; "no such thing" is no failure."""
    rosetta_api.on("/campaign/nobody", failure(51009))

    await rosetta_api.client.campaign("nobody")

    [(_, endpoint, code)] = rosetta_api.observer.calls
    assert (endpoint, code) == ("GET /campaign/{campaignName}", None)
