"""What every answer of the emulated Rosetta looks like, and which calls get no envelope."""

import re

import pytest

from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta import RosettaOptions
from gateway.sandbox.rosetta.call import BASE_PATH
from tests.gateway.sandbox.rosetta_client import BASE_URL, rosetta, signed, small_rosetta

pytestmark = pytest.mark.anyio


async def test_an_answer_is_an_envelope() -> None:
    """The envelope has exactly its six fields; the date is the wall clock of Shanghai."""
    envelope = await rosetta().get("/system/getStatus")

    assert re.fullmatch("[0-9a-f]{32}", envelope.pop("requestId"))
    assert envelope == {
        "code": 2000,
        "message": "Success",
        "data": ["All systems are operational"],
        "date": "2025-03-25 04:00:00",
        "success": True,
    }


async def test_request_ids_differ() -> None:
    """Two answers carry two request ids."""
    backend = rosetta()

    first, second = await backend.get("/system/getStatus"), await backend.get("/system/getStatus")

    assert first["requestId"] != second["requestId"]


async def test_business_errors_travel_with_http_200_or_500() -> None:
    """The switch changes the transport status of errors and nothing else."""
    backend = small_rosetta()
    url, headers = f"{BASE_URL}/statistics?annotationRequestId=nope", signed()

    by_default = await backend.http.get(url, headers=headers)
    backend.sandbox.options = RosettaOptions(errors_as_http_500=True)
    switched = await backend.http.get(url, headers=headers)
    success = await backend.http.get(f"{BASE_URL}/system/getStatus", headers=headers)

    assert (by_default.status_code, by_default.json()["code"]) == (200, 53003)
    assert (switched.status_code, switched.json()["code"]) == (500, 53003)
    assert success.status_code == 200
    assert by_default.json()["data"] is None


async def test_the_wrong_generation_answers_200_and_400() -> None:
    """As the older generation, success is code 200, an error 400, and a refused signature keeps its code."""
    backend = small_rosetta(RosettaOptions(wrong_generation=True))

    success = await backend.get_task("c", "r", "s0")
    error = await backend.get_task("c", "r", "nope")
    unsigned = (await backend.http.get(f"{BASE_URL}/system/getStatus")).json()

    assert (success["code"], success["success"]) == (200, True)
    assert (error["code"], error["success"]) == (400, False)
    assert unsigned["code"] == 402


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/task/get", 405, "POST"),
        ("PUT", "/annotation-request", 405, "GET, POST"),
        ("POST", "/statistics", 405, "GET"),
        ("GET", "/campaign/create", 405, "POST"),
        ("DELETE", "/campaign/anything", 405, "GET"),
        ("POST", "/task/get/", 404, None),
        ("GET", "/campaign/a/b", 404, None),
        ("GET", "/campaign/", 404, None),
        ("GET", "/nowhere", 404, None),
    ],
)
async def test_unknown_paths_and_wrong_methods_get_plain_http_errors(
    method: str, path: str, status: int, allow: str | None
) -> None:
    """What the documentation does not describe is answered without an envelope."""
    response = await rosetta().http.request(method, BASE_URL + path, headers=signed())

    assert response.status_code == status
    assert response.headers.get("allow") == allow
    assert not response.headers["content-type"].startswith("application/json")


async def test_paths_outside_the_base_path_are_absent() -> None:
    """The same path without the base path is 404."""
    response = await rosetta().http.get(BASE_URL.removesuffix(BASE_PATH) + "/system/getStatus", headers=signed())

    assert response.status_code == 404


async def test_an_installation_can_lack_a_path() -> None:
    """A path that the customer's installation lacks is a plain 404 while others stay."""
    backend = small_rosetta(RosettaOptions(absent_paths=frozenset({"/task/get"})))

    response = await backend.http.post(f"{BASE_URL}/task/get", json={}, headers=signed())

    assert response.status_code == 404
    assert (await backend.get("/system/getStatus"))["code"] == 2000


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{}", "text/plain"),
        (b"{}", ""),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"campaignId": NaN}', "application/json"),
        (b"", "application/json"),
    ],
)
async def test_a_body_that_is_no_json_object_is_4005(content: bytes, content_type: str) -> None:
    """Another content type, bad JSON and other JSON values are invalid parameters."""
    headers = signed() | {"content-type": content_type}

    response = await rosetta().http.post(f"{BASE_URL}/task/get", content=content, headers=headers)

    assert response.json()["code"] == 4005


async def test_a_content_type_may_have_parameters() -> None:
    """`application/json; charset=utf-8` is JSON."""
    backend = small_rosetta()
    body = b'{"campaignId": "c", "annotationRequestId": "r", "sceneId": "s0"}'
    headers = signed() | {"content-type": "application/json; charset=utf-8"}

    response = await backend.http.post(f"{BASE_URL}/task/get", content=body, headers=headers)

    assert response.json()["code"] == 2000


async def test_a_call_can_be_refused_before_or_after_it_takes_effect() -> None:
    """A hiccup is answered the number of times asked for; an `after` one has done the work."""
    backend = rosetta()
    campaign = {
        "campaignId": "x",
        "campaignName": "X",
        "workflowType": "Manual Template",
        "taxonomyVersionName": "t",
        "folderName": "F",
        "campaignType": "POC",
    }
    backend.sandbox.refuse("POST /campaign/create", 5000)
    backend.sandbox.refuse("POST /campaign/create", 5000, after=True)

    codes = [(await backend.post("/campaign/create", campaign))["code"] for _ in range(3)]

    assert codes == [5000, 5000, 51001]


async def test_faults_stand_before_the_emulator() -> None:
    """The application given out is already wrapped: faults play and calls are recorded."""
    backend = small_rosetta()
    backend.sandbox.faults.add(Fault("status", status=503, times=1))

    faulty = await backend.http.get(f"{BASE_URL}/system/getStatus", headers=signed())
    healthy = await backend.http.get(f"{BASE_URL}/system/getStatus", headers=signed())

    assert (faulty.status_code, healthy.status_code) == (503, 200)
    assert backend.sandbox.faults.recorder.count("GET", "/system/getStatus") == 2
