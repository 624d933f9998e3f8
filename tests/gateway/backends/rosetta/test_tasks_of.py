"""All scenes of an annotation request at once."""

import pytest

from schema.errors import ErrorCode, GatewayError
from tests.gateway.backends.rosetta.scripted import (
    ScriptedRequest,
    ScriptedRosetta,
    calls,
    never,
    scenes,
    seen,
    success,
)

pytestmark = pytest.mark.anyio


async def test_whole_request_in_bulk(rosetta_api: ScriptedRosetta) -> None:
    """Every scene of a request, in its map's order, in one read of the request and its pages."""
    request = ScriptedRequest(scenes(120), failed={"broken": "no"}, waiting=("later",), state="PROCESSING")
    request.install(rosetta_api)

    found = await rosetta_api.client.tasks_of("request")

    assert found is not None
    assert list(found.outcomes) == [*scenes(120), "broken", "later"] == list(found.request.scene_ids)
    assert seen(list(found.outcomes.values())) == ["IN_PROGRESS 3"] * 120 + ["FAILED derived", "PENDING derived"]
    assert calls(rosetta_api) == (0, 1, 2)


async def test_whole_request_that_does_not_join(rosetta_api: ScriptedRosetta) -> None:
    """Of a large request whose rows do not join a hundred scenes are read alone; the others say why not."""
    ScriptedRequest(scenes(130), row_id=lambda task_id: task_id + "0").install(rosetta_api)

    found = await rosetta_api.client.tasks_of("request")

    assert found is not None
    assert seen(list(found.outcomes.values())) == ["IN_PROGRESS 3"] * 100 + ["BACKEND_BAD_RESPONSE"] * 30
    assert calls(rosetta_api) == (100, 1, 2)


async def test_whole_request_that_is_unknown(rosetta_api: ScriptedRosetta) -> None:
    """The tasks of a request that does not exist are None."""
    rosetta_api.on("/annotation-request", success({"status": "ID_NOT_EXISTS"}))

    assert await rosetta_api.client.tasks_of("nobody") is None


async def test_whole_request_without_its_campaign(rosetta_api: ScriptedRosetta) -> None:
    """Without its campaign no scene of a request can be named: a bad response."""
    ScriptedRequest(scenes(3), campaign_id=None).install(rosetta_api)

    with pytest.raises(GatewayError) as raised:
        await rosetta_api.client.tasks_of("request")

    assert raised.value.code is ErrorCode.BACKEND_BAD_RESPONSE


async def test_whole_request_that_is_late() -> None:
    """When the pages do not come in time each task's outcome says so; scenes that are no tasks are answered."""
    rosetta_api = ScriptedRosetta(timeout_s=0.1)
    ScriptedRequest(scenes(2), failed={"broken": "no"}).install(rosetta_api)

    rosetta_api.on("/statistics", never)

    found = await rosetta_api.client.tasks_of("request")

    assert found is not None
    assert seen(list(found.outcomes.values())) == ["BACKEND_TIMEOUT"] * 2 + ["FAILED derived"]
