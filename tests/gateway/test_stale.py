"""Fresh, stale, old: what is answered at once, what waits for a backend, and what a backend's failure leaves."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.base import Outcome
from gateway.cache import Age, Freshness, TaskCache
from gateway.loaders import OperationLoader
from gateway.repository import Read, TaskRepository
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import Reference, ScaleUniqueId
from schema.status import TaskStatus
from schema.task import Task
from tests.fakes import FakeBackend, FakeClock, fake_task, scale

pytestmark = pytest.mark.anyio

DOWN = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down", backend=Backend.SCALE)


class Trouble:
    """A backend's health as the test has it."""

    def __init__(self) -> None:
        self.failing = False
        self.on_failure: list[Callable[[Backend], None]] = []

    def is_failing(self, backend: Backend) -> bool:
        return self.failing


class Gated(FakeBackend):
    """Answers when the test says so; what it answers is settled when it is asked."""

    def __init__(self) -> None:
        super().__init__(Backend.SCALE, fake_task)
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        outcomes = await super().fetch(references, view_url=view_url)
        await self.gate.wait()
        return outcomes

    async def fetch_by_unique_id(self, unique_ids: Sequence[str]) -> Sequence[Outcome]:
        outcomes = await super().fetch_by_unique_id(unique_ids)
        await self.gate.wait()
        return outcomes


class Bench:
    """A repository over one gated backend."""

    def __init__(self, max_tasks: int = 100) -> None:
        self.clock = FakeClock()
        self.backend = Gated()
        self.trouble = Trouble()
        cache = TaskCache(Freshness(), max_tasks, self.clock)
        backends = {Backend.SCALE: self.backend, Backend.ROSETTA: self.backend}
        self.tasks = TaskRepository(cache, backends, self.backend, now=self.clock.now, trouble=self.trouble)

    async def read(self, name: str = "a", *, no_cache: bool = False) -> Outcome:
        (outcome,) = await self.tasks.get_many([Read(scale(name))], no_cache=no_cache)
        return outcome


async def turn() -> None:
    """Lets everything that is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


def task(outcome: Outcome) -> Task:
    assert isinstance(outcome, Task)
    return outcome


async def test_stale_is_answered_at_once() -> None:
    """A stale task is served without waiting, marked, while one read refreshes it for all."""
    bench = Bench()
    await bench.read()
    bench.backend.gate.clear()
    bench.clock.seconds = 11

    answers = [task(await bench.read()) for _ in range(50)]
    await turn()
    asked = len(bench.backend.asked)
    bench.backend.gate.set()
    await turn()
    refreshed = bench.tasks.peek(scale("a"))

    assert all(answer.is_stale for answer in answers)
    assert asked == 2
    assert refreshed is not None
    assert not task(refreshed.task).is_stale


@pytest.mark.parametrize(
    ("status", "until_s"),
    [(TaskStatus.PENDING, 110), (TaskStatus.COMPLETED, 3300), (TaskStatus.CANCELED, 7200)],
)
async def test_how_long_stale(status: TaskStatus, until_s: int) -> None:
    """Stale lasts ten times the freshness, at most an hour; after that the backend is waited for."""
    bench = Bench()
    bench.backend.answer = lambda reference: fake_task(reference, status)
    await bench.read()

    bench.clock.seconds = until_s - 1
    assert task(await bench.read()).is_stale
    await turn()
    bench.clock.seconds += until_s

    assert not task(await bench.read()).is_stale


async def test_freshness_begins_when_the_backend_answered() -> None:
    """Read side by side with one that takes long, a task does not count as fresh for longer."""
    bench = Bench()
    read_at = bench.clock.now()
    bench.backend.answer = lambda reference: replace(fake_task(reference), fetched_at=read_at)
    bench.backend.gate.clear()
    reading = asyncio.create_task(bench.read())
    await turn()
    bench.clock.seconds = 6
    bench.backend.gate.set()
    first = task(await reading)

    bench.clock.seconds = 9
    soon = bench.tasks.peek(scale("a"))
    bench.clock.seconds = 11
    late = task(await bench.read())

    assert not first.is_stale
    assert soon is not None
    assert late.is_stale


async def test_absence_is_as_old_as_its_reading() -> None:
    """That there is no such task counts from the beginning of the reading: nobody says when it was found out."""
    bench = Bench()
    bench.backend.answer = lambda reference: None
    bench.backend.gate.clear()
    reading = asyncio.create_task(bench.read())
    await turn()
    bench.clock.seconds = 3
    bench.backend.gate.set()
    await reading

    bench.clock.seconds = 4
    soon = bench.tasks.peek(scale("a"))
    bench.clock.seconds = 6

    assert soon is not None
    assert bench.tasks.peek(scale("a")) is None


async def test_news_that_comes_late_is_old() -> None:
    """A task that another replica read six seconds ago stays fresh for four."""
    bench = Bench()
    bench.clock.seconds = 6
    bench.tasks.prime([fake_task(scale("a"))], bench.tasks.mark)

    bench.clock.seconds = 9
    soon = bench.tasks.peek(scale("a"))
    bench.clock.seconds = 11

    assert soon is not None
    assert bench.tasks.peek(scale("a")) is None


async def test_a_failing_backend_leaves_old_tasks() -> None:
    """A task up to 24 hours old is served, marked, when its backend fails; an older one is not."""
    bench = Bench()
    await bench.read()
    bench.backend.answer = lambda reference: DOWN

    bench.clock.seconds = 86_399
    old = await bench.read()
    bench.clock.seconds = 86_400
    gone = await bench.read()

    assert task(old).is_stale
    assert gone is DOWN


@pytest.mark.parametrize("code", [ErrorCode.BACKEND_NOT_CONFIGURED, ErrorCode.INTERNAL, ErrorCode.BAD_USER_INPUT])
async def test_only_a_backends_failure(code: ErrorCode) -> None:
    """What is no failure of the backend is not covered up by an old task."""
    bench = Bench()
    await bench.read()
    failure = GatewayError(code, "no")
    bench.backend.answer = lambda reference: failure
    bench.clock.seconds = 3600

    assert await bench.read() is failure


async def test_absence_is_never_stale() -> None:
    """That there is no such task is not served past its five seconds: null could not say that it is old."""
    bench = Bench()
    bench.backend.answer = lambda reference: None
    await bench.read()
    bench.clock.seconds = 5

    bench.backend.answer = lambda reference: DOWN

    assert await bench.read() is DOWN


async def test_while_failing_nobody_waits() -> None:
    """When the backend's latest call failed, an old task is served without waiting for the next."""
    bench = Bench()
    await bench.read()
    bench.clock.seconds = 3600
    bench.trouble.failing = True
    bench.backend.gate.clear()

    answer = task(await bench.read())
    await turn()

    assert answer.is_stale
    assert len(bench.backend.asked) == 2


async def test_the_first_failure_ends_waiting() -> None:
    """Whoever waits with an old task in hand gets it when the first call fails, while retries go on."""
    bench = Bench()
    await bench.read()
    bench.clock.seconds = 3600
    bench.backend.gate.clear()
    waiting = asyncio.create_task(bench.read())
    cold = asyncio.create_task(bench.read("cold"))
    await turn()
    before = waiting.done()

    for tell in bench.trouble.on_failure:
        tell(Backend.SCALE)
    await turn()

    assert not before
    assert task(waiting.result()).is_stale
    assert not cold.done()
    bench.backend.gate.set()
    assert not task(await cold).is_stale


async def test_a_hanging_backend_is_not_waited_for_long() -> None:
    """With an old task in hand a backend that does not answer at all is waited for a second."""
    bench = Bench()
    await bench.read()
    bench.clock.seconds = 3600
    bench.backend.gate.clear()
    loop = asyncio.get_running_loop()
    started = loop.time()

    answer = task(await bench.read())

    assert answer.is_stale
    assert 0.9 < loop.time() - started < 3


async def test_no_cache_pays_for_a_read() -> None:
    """With no-cache neither a fresh nor a stale nor an old task is answered; readers of one task share the read."""
    bench = Bench()
    for seconds in (1, 12, 3600):
        await bench.read()
        asked = len(bench.backend.asked)
        bench.clock.seconds += seconds
        bench.backend.gate.clear()
        readers = [asyncio.create_task(bench.read(no_cache=True)) for _ in range(20)]
        await turn()
        bench.backend.gate.set()
        answers = await asyncio.gather(*readers)

        assert not any(task(answer).is_stale for answer in answers)
        assert len(bench.backend.asked) == asked + 1

    bench.backend.answer = lambda reference: DOWN
    assert await bench.read(no_cache=True) is DOWN


async def test_no_cache_reads_once_an_operation() -> None:
    """An operation with no-cache reads a task once, and sees what was written after that."""
    bench = Bench()
    await bench.read()
    operation = OperationLoader(bench.tasks, no_cache=True)

    first = await operation.load(scale("a"))
    again = await operation.load(scale("a"))
    written = fake_task(scale("a"), TaskStatus.CANCELED)
    bench.tasks.written(written)
    last = await operation.load(scale("a"))

    assert first is again
    assert last is written
    assert len(bench.backend.asked) == 2


async def test_a_late_read_loses() -> None:
    """A read that was under way when a write happened neither puts the older state back nor answers it."""
    bench = Bench()
    bench.backend.gate.clear()
    early = asyncio.create_task(bench.read())
    await turn()

    written = fake_task(scale("a"), TaskStatus.CANCELED)
    bench.tasks.written(written)
    bench.backend.gate.set()

    assert await early is written
    assert await bench.read() is written


async def test_who_asks_after_a_write_does_not_join_a_read_from_before() -> None:
    """After `forget` the next reader goes out anew, though a read from before is still under way."""
    bench = Bench()
    bench.backend.gate.clear()
    early = asyncio.create_task(bench.read())
    await turn()
    bench.tasks.forget(scale("a"))
    bench.backend.answer = lambda reference: fake_task(reference, TaskStatus.CANCELED)

    late = asyncio.create_task(bench.read())
    await turn()
    bench.backend.gate.set()

    assert task(await late).status is TaskStatus.CANCELED
    assert task(await early).status is TaskStatus.PENDING
    assert task(await bench.read()).status is TaskStatus.CANCELED


async def test_a_late_read_by_unique_id_loses() -> None:
    """Also one by unique id, whether it finds the older task or none."""
    bench = Bench()
    bench.backend.by_unique_id = {"u": fake_task(scale("a"), unique_id="u")}
    bench.backend.gate.clear()
    reads = [Read(ScaleUniqueId("u")), Read(ScaleUniqueId("v"))]
    early = asyncio.create_task(bench.tasks.get_many(reads))
    await turn()

    moved = fake_task(scale("a"), TaskStatus.COMPLETED, unique_id="v")
    bench.tasks.written(moved)
    bench.backend.gate.set()
    await early
    bench.backend.by_unique_id = {"v": moved}
    old, new = await bench.tasks.get_many(reads)

    assert old is None
    assert new is moved


async def test_listeners_hear_of_writes() -> None:
    """Every hook is told of a task that was written."""
    bench = Bench()
    heard: list[Task] = []
    bench.tasks.on_change.append(heard.append)
    written = fake_task(scale("a"))

    bench.tasks.written(written)

    assert heard == [written]


async def test_lists_prime_but_do_not_undo() -> None:
    """What a list brings answers for its tasks, but for those written since the list was asked for."""
    bench = Bench()
    mark = bench.tasks.mark
    written = fake_task(scale("a"), TaskStatus.CANCELED)
    bench.tasks.written(written)

    bench.tasks.prime([fake_task(scale("a")), fake_task(scale("b"))], mark)

    assert await bench.read("a") is written
    assert task(await bench.read("b")).reference == scale("b")
    assert bench.backend.asked == []


def test_bounded_by_bytes() -> None:
    """Records of a megabyte obey MAX_BYTES, and one that is over it is not kept."""
    clock = FakeClock()
    cache = TaskCache(Freshness(), 1000, clock, max_bytes=5_000_000)
    for number in range(20):
        cache.put(scale(str(number)), _heavy(str(number), 1_000_000))
        assert cache.bytes_kept <= 5_000_000

    cache.put(scale("19"), _heavy("19", 6_000_000))

    assert len(cache) == 3
    assert cache.get(scale("19")) is None
    assert cache.get(scale("18")) is not None


def test_unique_ids_go_with_their_tasks() -> None:
    """A task that is evicted takes its unique id along: nothing grows."""
    cache = TaskCache(Freshness(), 10, FakeClock())
    for number in range(1000):
        cache.put(scale(str(number)), fake_task(scale(str(number)), unique_id=f"u{number}"))

    assert len(cache) == 10
    assert len(cache._entries.unique_ids) == 10


@given(
    status=st.sampled_from(TaskStatus),
    ages=st.lists(st.floats(0, 200_000), max_size=20),
    open_s=st.floats(0, 1000),
    settled_s=st.floats(0, 10_000),
)
def test_ages_only_grow(status: TaskStatus, ages: list[float], open_s: float, settled_s: float) -> None:
    """Whatever is set, an entry goes from fresh to stale to old to nothing, and is never fresh without a copy."""
    clock = FakeClock()
    cache = TaskCache(Freshness(open_s=open_s, settled_s=settled_s), 10, clock)
    cache.put(scale("a"), fake_task(scale("a"), status))
    order = [Age.FRESH, Age.STALE, Age.OLD, None]
    seen = 0
    for clock.seconds in sorted(ages):
        known = cache.find(scale("a"))
        place = order.index(None if known is None else known[1])
        assert place >= seen
        assert (cache.get(scale("a")) is not None) == (place == 0)
        seen = place


def _heavy(name: str, size: int) -> Task:
    class Record:
        body = b"x" * size

    heavy = fake_task(scale(name))
    heavy.record = Record()  # type: ignore[assignment]  # only its body counts
    return heavy
