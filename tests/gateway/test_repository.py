"""Each selector is asked for at most once at a time, and one failure leaves the others whole."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from gateway.backends.base import Outcome
from gateway.cache import Freshness, TaskCache
from gateway.repository import Read, TaskRepository
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import Reference, ScaleUniqueId
from tests.fakes import FakeBackend, FakeClock, fake_task, rosetta, scale

pytestmark = pytest.mark.anyio

DOWN = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down", backend=Backend.ROSETTA)


class SlowBackend(FakeBackend):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__(Backend.SCALE, fake_task)
        self.gate = asyncio.Event()

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        outcomes = await super().fetch(references, view_url=view_url)
        await self.gate.wait()
        return outcomes


def repository(scale_backend: FakeBackend, rosetta_backend: FakeBackend | None = None) -> TaskRepository:
    rosetta_backend = rosetta_backend or FakeBackend(Backend.ROSETTA, fake_task)
    clock = FakeClock()
    backends = {Backend.SCALE: scale_backend, Backend.ROSETTA: rosetta_backend}
    return TaskRepository(TaskCache(Freshness(), 100, clock), backends, scale_backend, now=clock.now)


async def test_outcomes_in_order_with_duplicates() -> None:
    """Each read has its outcome in its place; a duplicate costs nothing."""

    def answer(reference: Reference) -> Outcome:
        return None if reference == scale("b") else fake_task(reference)

    backend = FakeBackend(Backend.SCALE, answer)
    reads = [Read(scale(name)) for name in ("a", "b", "a", "c")]

    outcomes = await repository(backend).get_many(reads)

    assert [None if outcome is None else outcome.reference for outcome in outcomes] == [  # type: ignore[union-attr]  # Tasks
        scale("a"),
        None,
        scale("a"),
        scale("c"),
    ]
    assert backend.asked == [[scale("a"), scale("b"), scale("c")]]


async def test_one_backend_down() -> None:
    """One backend's failure is a value; the other backend's tasks are whole."""
    tasks = repository(FakeBackend(Backend.SCALE, fake_task), FakeBackend(Backend.ROSETTA, lambda reference: DOWN))

    outcomes = await tasks.get_many([Read(rosetta("s")), Read(scale("a"))])

    assert outcomes[0] is DOWN
    assert outcomes[1] is not None
    assert not isinstance(outcomes[1], GatewayError)


async def test_failures_are_asked_again() -> None:
    """A failure is not kept: the next read goes out."""
    answers: Iterator[Outcome] = iter([DOWN, fake_task(scale("a"))])

    def answer(reference: Reference) -> Outcome:
        return next(answers)

    backend = FakeBackend(Backend.SCALE, answer)
    tasks = repository(backend)

    first = await tasks.get_many([Read(scale("a"))])
    second = await tasks.get_many([Read(scale("a"))])

    assert first == [DOWN]
    assert second[0] is not DOWN


async def test_one_flight_each() -> None:
    """Fifty callers of one cold task cost one read."""
    backend = SlowBackend()
    tasks = repository(backend)
    callers = [asyncio.create_task(tasks.get_many([Read(scale("a"))])) for _ in range(50)]
    await asyncio.sleep(0)

    backend.gate.set()
    answers = await asyncio.gather(*callers)

    assert len(backend.asked) == 1
    assert len({id(answer[0]) for answer in answers}) == 1


async def test_the_first_caller_leaves() -> None:
    """A caller that goes away does not fail the others."""
    backend = SlowBackend()
    tasks = repository(backend)
    first = asyncio.create_task(tasks.get_many([Read(scale("a"))]))
    second = asyncio.create_task(tasks.get_many([Read(scale("a"))]))
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    backend.gate.set()

    assert (await second)[0] is not None
    assert len(backend.asked) == 1


async def test_unique_ids_go_together() -> None:
    """Unique ids are one question; what they find answers for the task id too."""
    backend = FakeBackend(Backend.SCALE, fake_task)
    backend.by_unique_id = {"u": fake_task(scale("a"), unique_id="u")}
    tasks = repository(backend)

    found, missing = await tasks.get_many([Read(ScaleUniqueId("u")), Read(ScaleUniqueId("v"))])
    again = tasks.peek(scale("a"))

    assert missing is None
    assert again is not None
    assert again.task is found
    assert backend.asked_unique_ids == [["u", "v"]]


async def test_view_url_is_read_alone() -> None:
    """A task from a bulk read does not answer for viewUrl."""
    backend = FakeBackend(Backend.ROSETTA, lambda reference: fake_task(reference, has_view_url=False))
    tasks = repository(FakeBackend(Backend.SCALE, fake_task), backend)
    await tasks.get_many([Read(rosetta("s"))])

    backend.answer = fake_task
    (outcome,) = await tasks.get_many([Read(rosetta("s"), view_url=True)])

    assert outcome is not None
    assert not isinstance(outcome, GatewayError)
    assert outcome.has_view_url
    assert len(backend.asked) == 2


async def test_a_bug_reaches_every_caller() -> None:
    """An unexpected exception ends the read with INTERNAL instead of leaving callers waiting."""

    def broken(reference: Reference) -> Outcome:
        raise RuntimeError("a bug")

    (outcome,) = await repository(FakeBackend(Backend.SCALE, broken)).get_many([Read(scale("a"))])

    assert isinstance(outcome, GatewayError)
    assert outcome.code is ErrorCode.INTERNAL


async def test_closing_leaves_no_read_running() -> None:
    """Closing ends the reads under way, and their callers get an answer."""
    backend = SlowBackend()
    tasks = repository(backend)
    caller = asyncio.create_task(tasks.get_many([Read(scale("a"))]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    await tasks.aclose()

    (outcome,) = await caller
    assert isinstance(outcome, GatewayError)
    assert outcome.code is ErrorCode.BACKEND_UNAVAILABLE
