"""Scenes of an annotation request that several callers want at the same time are read once, whoever leaves."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from gateway.annotation_requests import AnnotationRequests
from gateway.backends.base import Outcome
from gateway.backends.rosetta import ImportedRequest, ReadingPlan, RosettaClient
from gateway.backends.rosetta.annotation_requests import ImportState
from gateway.cache import Freshness, TaskCache
from gateway.repository import TaskRepository
from schema.backend import Backend
from tests.fakes import FakeBackend, FakeClock, fake_task, rosetta

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

REQUEST = ImportedRequest(
    annotation_request_id="request",
    name="name",
    campaign_id="campaign",
    import_state=ImportState.FINISHED,
    operator_keys=(),
    scene_ids=("a", "b"),
    task_ids={},
    failed_scenes={},
    warnings={},
)


class SlowRosetta:
    """Reads scenes when the test says so, and notes which."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.read: list[list[str]] = []

    async def read_scenes(
        self, request: ImportedRequest, scene_ids: Sequence[str], how: ReadingPlan
    ) -> Mapping[str, Outcome]:
        self.read.append(list(scene_ids))
        await self.gate.wait()
        return {scene_id: fake_task(rosetta(scene_id)) for scene_id in scene_ids}


def _requests(backend: SlowRosetta) -> AnnotationRequests:
    clock = FakeClock()
    backends = {one: FakeBackend(one, fake_task) for one in Backend}
    tasks = TaskRepository(TaskCache(Freshness(), 100, clock), backends, backends[Backend.SCALE], now=clock.now)
    return AnnotationRequests(cast("RosettaClient", backend), tasks, fresh_s=10, timeout_s=10, clock=clock)


@pytest.mark.parametrize(("wanted", "read"), [(["a"], [["a"]]), (["a", "b"], [["a"], ["b"]])])
async def test_who_leaves_takes_nothing_along(wanted: list[str], read: list[list[str]]) -> None:
    """The caller whose read is under way goes away: the next is given what that reads, and asks for the rest."""
    backend = SlowRosetta()
    requests = _requests(backend)
    first = asyncio.create_task(requests.tasks(REQUEST, ["a"]))
    await asyncio.sleep(0.001)
    second = asyncio.create_task(requests.tasks(REQUEST, wanted))
    await asyncio.sleep(0.001)
    first.cancel()
    await asyncio.wait([first])
    backend.gate.set()

    assert list(await second) == wanted
    assert backend.read == read
    await requests.aclose()
