"""What an operation asks for in one tick goes out together."""

import asyncio

import pytest

from gateway.cache import Freshness, TaskCache
from gateway.demo import DemoSandbox
from gateway.loaders import OperationLoader
from gateway.repository import TaskRepository
from gateway.sandbox.clock import SandboxClock
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.task import Task
from tests.fakes import FakeBackend, FakeClock, fake_task, rosetta, scale
from tests.gateway.world import world

pytestmark = pytest.mark.anyio


def loader(backend: FakeBackend) -> OperationLoader:
    clock = FakeClock()
    backends = {Backend.SCALE: backend, Backend.ROSETTA: backend}
    return OperationLoader(TaskRepository(TaskCache(Freshness(), 100, clock), backends, backend, now=clock.now))


async def test_one_batch_a_tick() -> None:
    """Loads of one tick are one fetch, duplicates once."""
    backend = FakeBackend(Backend.SCALE, fake_task)
    tasks = loader(backend)

    await asyncio.gather(*(tasks.load(scale(name)) for name in "abca"))

    assert backend.asked == [[scale("a"), scale("b"), scale("c")]]


async def test_failure_is_raised() -> None:
    """A backend's failure is raised to the field that asked, and to no other."""
    down = GatewayError(ErrorCode.BACKEND_TIMEOUT, "slow", backend=Backend.SCALE)
    backend = FakeBackend(Backend.SCALE, lambda ref: down if ref == scale("a") else fake_task(ref))
    tasks = loader(backend)

    failed, found = await asyncio.gather(tasks.load(scale("a")), tasks.load(scale("b")), return_exceptions=True)

    assert failed is down
    assert not isinstance(found, BaseException)


async def test_cancelled_field_leaves_the_others() -> None:
    """Cancelling one field that waits for a task leaves another field on the same task whole."""
    tasks = loader(FakeBackend(Backend.SCALE, fake_task))
    first = asyncio.create_task(tasks.load(scale("a")))
    second = asyncio.create_task(tasks.load(scale("a")))
    await asyncio.sleep(0)

    first.cancel()

    assert await second is not None


async def test_view_url() -> None:
    """viewUrl of a task that was read in bulk is read alone."""
    tasks = loader(FakeBackend(Backend.ROSETTA, fake_task))

    assert await tasks.load_view_url(rosetta("s")) == "https://view/"


class BegunBackend(FakeBackend):
    """May be asked outside of a task, as Scale's client may."""

    fetch_may_be_begun = True


async def test_what_is_asked_once_leaves_at_once() -> None:
    """Where nothing else will be asked for, the backend hears of it before the operation waits."""
    backend = BegunBackend(Backend.SCALE, fake_task)
    tasks = loader(backend)
    tasks.asks_once = True

    loading = asyncio.create_task(tasks.load_many([scale("a"), scale("b")]))
    await asyncio.sleep(0)

    assert backend.asked == [[scale("a"), scale("b")]]
    assert [task.reference for task in await loading if isinstance(task, Task)] == [scale("a"), scale("b")]


@pytest.mark.parametrize(
    "query",
    [
        '{ lookupTasks(by: [{scaleUniqueId: "a"}, {scaleUniqueId: "b"}]) { __typename } }',
        '{ one: task(by: {scaleUniqueId: "a"}) { id } two: task(by: {scaleUniqueId: "b"}) { id } }',
    ],
)
async def test_one_field_or_several(query: str) -> None:
    """What can go in one call does, whether one field asks for it or two."""
    async with world(DemoSandbox(SandboxClock.manual(), scale_tasks=20)) as gateway:
        await gateway.answer(query)

        assert gateway.calls() == (1, 0)
