"""What replicas tell each other: reads once, writes everywhere, damage counts as absent."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.base import Outcome
from gateway.cache import Freshness, TaskCache
from gateway.repository import Read, TaskRepository
from gateway.sharing import SharedTasks
from gateway.storage import Storage
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import Reference, ScaleUniqueId, Selector
from schema.scalars import JSON
from schema.status import TaskStatus
from schema.task import Task
from tests.fake_storage import FakeStorage
from tests.fakes import FakeBackend, FakeClock, fake_task, rosetta, scale
from tests.waiting import until

pytestmark = pytest.mark.anyio

DOWN = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down", backend=Backend.SCALE)


class Record:
    """A record that says a task's status and unique id."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def raw(self, *, with_people: bool) -> JSON:
        return JSON(json.loads(self.body))

    def params(self) -> JSON | None:
        return None

    def response(self) -> JSON | None:
        return None

    def metadata(self) -> JSON:
        return JSON({})


def made(
    reference: Reference, status: TaskStatus, at: datetime, unique_id: str | None = None, *, view_url: bool = True
) -> Task:
    task = fake_task(reference, status, unique_id=unique_id, has_view_url=view_url)
    task.record = Record(json.dumps({"status": status.name, "unique_id": unique_id, "view_url": view_url}).encode())
    task.fetched_at = at
    return task


class World:
    """The vendor: what all replicas ask, counted together."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.asked: list[Selector] = []
        self.status = TaskStatus.PENDING
        self.unique_ids: dict[str, Reference] = {}
        self.failure: GatewayError | None = None
        self.absent = False
        self.gate = asyncio.Event()
        self.gate.set()

    def task(self, reference: Reference, *, view_url: bool = True) -> Task:
        names = [name for name, owner in self.unique_ids.items() if owner == reference]
        return made(reference, self.status, self.clock.now(), names[0] if names else None, view_url=view_url)


class Client(FakeBackend):
    """One replica's client of the vendor."""

    def __init__(self, world: World, backend: Backend) -> None:
        super().__init__(backend, world.task)
        self.world = world

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        world = self.world
        world.asked += references
        bulk = self.backend is Backend.ROSETTA and not view_url
        found = [None if world.absent else world.task(reference, view_url=not bulk) for reference in references]
        outcomes: list[Outcome] = [world.failure or task for task in found]
        await world.gate.wait()
        return outcomes

    async def fetch_by_unique_id(self, unique_ids: Sequence[str]) -> Sequence[Outcome]:
        world = self.world
        world.asked += [ScaleUniqueId(name) for name in unique_ids]
        owners = [world.unique_ids.get(name) for name in unique_ids]
        await world.gate.wait()
        return [None if owner is None else world.task(owner) for owner in owners]

    def restore(self, reference: Reference, body: bytes, fetched_at: datetime) -> Task:
        content = json.loads(body)
        status = TaskStatus[content["status"]]
        return made(reference, status, fetched_at, content["unique_id"], view_url=content["view_url"])


def replica(world: World, storage: Storage, account: str = "account") -> TaskRepository:
    clients = {backend: Client(world, backend) for backend in Backend}
    cache = TaskCache(Freshness(), 1000, world.clock)
    accounts = dict.fromkeys(Backend, account)
    shared = SharedTasks(storage, clients, Freshness(), accounts, world.clock.now)
    return TaskRepository(cache, clients, clients[Backend.SCALE], now=world.clock.now, shared=shared)


@asynccontextmanager
async def replicas(world: World, storage: FakeStorage, count: int = 2) -> AsyncIterator[list[TaskRepository]]:
    """Replicas that listen to one another."""
    all_of_them = [replica(world, storage) for _ in range(count)]
    listening = [asyncio.create_task(one.listen()) for one in all_of_them]
    await turn()
    try:
        yield all_of_them
    finally:
        for task in listening:
            task.cancel()
        await asyncio.wait(listening)
        for one in all_of_them:
            await one.aclose()


async def turn() -> None:
    """Lets everything that is ready run, and polls that wait for another replica happen once."""
    for _ in range(30):
        await asyncio.sleep(0)


async def read(tasks: TaskRepository, selector: Selector | None = None, *, no_cache: bool = False) -> Outcome:
    (outcome,) = await tasks.get_many([Read(selector or scale("a"))], no_cache=no_cache)
    return outcome


def status_of(outcome: Outcome) -> TaskStatus:
    assert isinstance(outcome, Task)
    return outcome.status


async def test_one_read_for_all_replicas() -> None:
    """Three replicas with 500 readers each cost the backend one call."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage, 3) as all_of_them:
        world.gate.clear()
        readers = [asyncio.create_task(read(one)) for one in all_of_them for _ in range(500)]
        await turn()
        world.gate.set()
        answers = await asyncio.gather(*readers)

    assert len(world.asked) == 1
    assert {status_of(answer) for answer in answers} == {TaskStatus.PENDING}


async def test_what_is_found_is_no_younger_for_waiting() -> None:
    """A task that another replica read six seconds ago is not fresh for longer because another was waited for."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        await read(one)
        await turn()
        world.clock.seconds = 6
        world.gate.clear()
        reading = asyncio.create_task(other.get_many([Read(scale("a")), Read(scale("b"))]))
        await turn()
        world.clock.seconds = 9
        world.gate.set()
        await reading
        fresh = other.peek(scale("a"))
        world.clock.seconds = 11

        assert fresh is not None
        assert other.peek(scale("a")) is None


async def test_what_one_read_answers_in_the_other() -> None:
    """A task, its unique id, and that there is none, read in one replica, cost the other nothing while fresh."""
    world, storage = World(), FakeStorage()
    world.unique_ids = {"u": scale("a")}
    async with replicas(world, storage) as (one, other):
        selectors: list[Selector] = [ScaleUniqueId("u"), ScaleUniqueId("none"), scale("b")]
        for selector in selectors:
            await read(one, selector)
        await turn()
        asked = len(world.asked)

        answers = [await read(other, selector) for selector in [*selectors, scale("a")]]

    assert len(world.asked) == asked
    assert [None if answer is None else status_of(answer) for answer in answers] == [
        TaskStatus.PENDING,
        None,
        TaskStatus.PENDING,
        TaskStatus.PENDING,
    ]


async def test_age_travels_along() -> None:
    """What another replica read nine seconds ago is fresh for one second more."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        await read(one)
        await turn()
        world.clock.seconds = 9
        await read(other)

        assert other.peek(scale("a")) is not None
        world.clock.seconds = 10
        assert other.peek(scale("a")) is None
    assert len(world.asked) == 1


async def test_a_failure_is_not_shared() -> None:
    """When the read in one replica fails, the other reads for itself."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        world.failure = DOWN
        world.gate.clear()
        first = asyncio.create_task(read(one))
        await turn()
        second = asyncio.create_task(read(other))
        await turn()
        world.failure = None
        world.gate.set()

        assert await first is DOWN
        assert status_of(await second) is TaskStatus.PENDING


async def test_a_new_replica_falls_back_on_what_others_read() -> None:
    """A replica that has just started serves what another one read within a day when the backend fails."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage, 1) as (one,):
        await read(one)
        await turn()
    world.failure = DOWN
    world.clock.seconds = 80_000
    async with replicas(world, storage, 1) as (new,):
        answer = await read(new)

    assert isinstance(answer, Task)
    assert answer.is_stale


async def test_a_write_reaches_the_other_replica() -> None:
    """A write in one replica replaces what the other has cached, and its listeners are told."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        heard: list[Task] = []
        other.on_change.append(heard.append)
        await read(one)
        await turn()
        await read(other)
        asked = len(world.asked)

        one.written(made(scale("a"), TaskStatus.CANCELED, world.clock.now()))
        await turn()

        assert status_of(await read(other)) is TaskStatus.CANCELED
        assert [task.status for task in heard] == [TaskStatus.CANCELED]
    assert len(world.asked) == asked


@pytest.mark.parametrize("hears", [True, False])
async def test_a_late_read_in_the_other_replica_loses(hears: bool) -> None:
    """A read of the old state under way in another replica does not put it back, even where the message was lost."""
    world, storage = World(), FakeStorage()
    storage.hears = hears
    async with replicas(world, storage) as (one, other):
        world.gate.clear()
        early = asyncio.create_task(read(other))
        await until(lambda: len(world.asked) == 1)

        one.written(made(scale("a"), TaskStatus.CANCELED, world.clock.now()))
        await turn()
        world.gate.set()
        await early
        await turn()

        assert status_of(await read(other)) is TaskStatus.CANCELED
    async with replicas(world, storage, 1) as (new,):
        assert status_of(await read(new)) is TaskStatus.CANCELED


async def test_a_late_absence_by_unique_id_loses() -> None:
    """That no task had a unique id does not outlive the write that gave it to one."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        world.gate.clear()
        early = asyncio.create_task(read(other, ScaleUniqueId("u")))
        await until(lambda: len(world.asked) == 1)

        one.written(made(scale("a"), TaskStatus.PENDING, world.clock.now(), "u"))
        await turn()
        world.gate.set()
        await early
        await turn()

        assert status_of(await read(other, ScaleUniqueId("u"))) is TaskStatus.PENDING


async def test_a_unique_id_that_moved() -> None:
    """Where a unique id went to another task, no replica is answered the first one."""
    world, storage = World(), FakeStorage()
    world.unique_ids = {"u": scale("a")}
    async with replicas(world, storage) as (one, other):
        await read(one, ScaleUniqueId("u"))
        await turn()
        one.written(made(scale("a"), TaskStatus.PENDING, world.clock.now(), None))
        world.unique_ids = {"u": scale("b")}
        await turn()

        answer = await read(other, ScaleUniqueId("u"))

    assert isinstance(answer, Task)
    assert answer.reference == scale("b")


async def test_forgotten_everywhere() -> None:
    """What one replica forgets the others read anew."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        await read(one)
        await turn()
        await read(other)
        one.forget(scale("a"))
        await turn()
        world.status = TaskStatus.COMPLETED

        assert status_of(await read(other)) is TaskStatus.COMPLETED
        assert status_of(await read(one)) is TaskStatus.COMPLETED


async def test_out_of_touch() -> None:
    """Where writes are not heard of, what is kept is fresh for two seconds only, then refreshed behind."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        await read(one)
        storage.break_off()

        world.clock.seconds = 1.9
        assert one.peek(scale("a")) is not None
        world.clock.seconds = 2
        assert one.peek(scale("a")) is None
        answer = await read(one)
        await turn()

        assert isinstance(answer, Task)
        assert answer.is_stale
        assert one.peek(scale("a")) is not None
        assert len(world.asked) == 2
        assert await read(other) is not None


async def test_in_touch_again() -> None:
    """A write that could not be told is told as soon as that is possible; what was kept before is asked for again."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        await read(one)
        await turn()
        await read(other)
        storage.break_off()
        one.written(made(scale("a"), TaskStatus.CANCELED, world.clock.now()))
        await turn()
        assert status_of(await read(other)) is TaskStatus.PENDING

        storage.come_back()
        await turn()

        assert status_of(await read(other)) is TaskStatus.CANCELED


async def test_no_cache_asks_though_another_has_read() -> None:
    """With no-cache what another replica read a moment ago is not enough."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        await read(one)
        await turn()
        world.status = TaskStatus.COMPLETED

        assert status_of(await read(other, no_cache=True)) is TaskStatus.COMPLETED


async def test_bulk_reads_do_not_answer_view_url() -> None:
    """A task that another replica read in bulk does not stand in for one with its viewUrl."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage) as (one, other):
        await read(one, rosetta("s"))
        await turn()

        (answer,) = await other.get_many([Read(rosetta("s"), view_url=True)])

    assert isinstance(answer, Task)
    assert answer.has_view_url
    assert len(world.asked) == 2


async def test_accounts_do_not_mix() -> None:
    """A gateway with another account on the same storage is not answered from it."""
    world, storage = World(), FakeStorage()
    one, other = replica(world, storage, "mine"), replica(world, storage, "theirs")
    await read(one)
    await turn()
    await read(other)

    assert len(world.asked) == 2


@given(damage=st.binary(max_size=200), cut=st.integers(0, 400), at=st.integers(0, 400))
async def test_damage_is_absence(damage: bytes, cut: int, at: int) -> None:
    """Whatever stands under our keys, the answer is right and at worst costs a read."""
    world, storage = World(), FakeStorage()
    world.unique_ids = {"u": scale("a")}
    one = replica(world, storage)
    await read(one, ScaleUniqueId("u"))
    await turn()
    for key, value in list(storage.values.items()):
        storage.values[key] = value[: min(at, len(value))] + damage + value[at + cut :]
    other = replica(world, storage)

    answers = [await read(other, ScaleUniqueId("u")), await read(other)]

    assert [status_of(answer) for answer in answers] == [TaskStatus.PENDING] * 2


@given(message=st.binary(max_size=100) | st.sampled_from([b"{}", b'{"from":1,"wrote":[["task","x"]]}', b"null"]))
async def test_damaged_messages_are_ignored(message: bytes) -> None:
    """A message that is none changes nothing."""
    world, storage = World(), FakeStorage()
    async with replicas(world, storage, 1) as (one,):
        await read(one)
        for heard, _ in storage._listeners:
            heard(message)

        assert one.peek(scale("a")) is not None


async def test_ages_from_the_future_are_none() -> None:
    """A clock that is behind another replica's makes nothing younger than new."""
    world, storage = World(), FakeStorage()
    clients = {backend: Client(world, backend) for backend in Backend}
    shared = SharedTasks(storage, clients, Freshness(), {}, world.clock.now)
    ahead = made(scale("a"), TaskStatus.PENDING, world.clock.now() + timedelta(seconds=30))

    await shared.keep({scale("a"): ahead}, 1)
    look = await shared.look([scale("a")])

    assert look.stored[scale("a")].age_s == 0
