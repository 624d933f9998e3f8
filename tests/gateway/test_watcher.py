"""The watcher asks for what is listened to: once for all listeners, in bulk, and only where it holds the lease."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.backends.base import Outcome
from gateway.cache import Freshness, TaskCache
from gateway.events import Broker, Listener
from gateway.pace import Pace
from gateway.replicas import Heard, Linked
from gateway.repository import TaskRepository
from gateway.watcher import Watcher
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import Reference, ScaleUniqueId, Selector
from schema.status import TaskStatus
from schema.task import Task
from tests.fakes import FakeBackend, FakeClock, fake_task, rosetta, scale

pytestmark = pytest.mark.anyio

DOWN = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down", backend=Backend.SCALE)


class FakeReplicas:
    """Other replicas: `others` are theirs to watch, `told` is what they heard."""

    def __init__(self) -> None:
        self.others: set[Reference] = set()
        self.told: list[Task] = []
        self.released: list[Reference] = []
        self.heard: Heard = lambda reference, load: None
        self.linked: Linked = lambda is_linked: None

    async def claim(self, references: Sequence[Reference]) -> set[Reference]:
        return set(references) - self.others

    async def release(self, references: Sequence[Reference]) -> None:
        self.released += references

    async def tell(self, task: Task) -> None:
        self.told.append(task)

    async def listen(self, heard: Heard, linked: Linked) -> None:
        self.heard, self.linked = heard, linked
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Nothing is open."""


class FakeSweep:
    """Sweeps by project; `most` is how many calls its pages take."""

    def __init__(self, state: Callable[[Reference], Outcome], references: Sequence[Reference]) -> None:
        self.asked: list[tuple[str, datetime, int]] = []
        self.pages = 1
        self._state = state
        self._references = references

    def group_of(self, task: Task) -> str | None:
        return task.project

    async def changed_since(self, group: str, since: datetime, most_calls: int) -> Sequence[Task] | None:
        self.asked.append((group, since, most_calls))
        if self.pages > most_calls:
            return None
        tasks = [self._state(reference) for reference in self._references]
        return [
            task for task in tasks if isinstance(task, Task) and task.updated_at is not None and task.updated_at > since
        ]


class Watching:
    """A watcher over fakes, stepped by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.states: dict[Reference, Outcome] = {}
        self.project: str | None = None
        self.scale = FakeBackend(Backend.SCALE, self.state)
        self.rosetta = FakeBackend(Backend.ROSETTA, self.state)
        self.broker = Broker(self.clock.now)
        self.replicas = FakeReplicas()
        self.sweep = FakeSweep(self.state, [scale(f"t{n}") for n in range(10)])
        cache = TaskCache(Freshness(), 1000, self.clock)
        backends = {Backend.SCALE: self.scale, Backend.ROSETTA: self.rosetta}
        self.tasks = TaskRepository(cache, backends, self.scale, now=self.clock.now)
        self.watcher = Watcher(
            self.broker,
            self.tasks,
            Pace(5, 60),
            self.replicas,
            {Backend.SCALE: self.sweep},
            clock=self.clock,
            sleep=asyncio.sleep,
            chance=lambda: 0.5,
        )

    def state(self, reference: Reference) -> Outcome:
        """The backend's state, read now."""
        given = self.states.get(reference, fake_task(reference))
        if not isinstance(given, Task):
            return given
        return replace(given, fetched_at=self.clock.now(), project=self.project)

    def set(self, reference: Reference, status: TaskStatus) -> None:
        """The task changes in its backend."""
        self.states[reference] = replace(fake_task(reference, status), updated_at=self.clock.now())

    async def listen(self, *selectors: Selector) -> Listener:
        """A listener that has been told how things stand."""
        listener = self.broker.listen(selectors)
        await self.watcher.renew_leases()
        await self.round()
        return listener

    async def round(self, seconds: float = 0) -> None:
        """Time passes, and what is due then is read."""
        self.clock.seconds += seconds
        self.watcher.ask()
        for _ in range(50):
            await asyncio.sleep(0)

    @property
    def calls(self) -> int:
        return len(self.scale.asked) + len(self.rosetta.asked) + len(self.sweep.asked)


async def told(listener: Listener) -> list[object]:
    """The statuses (or errors) that wait."""
    outcomes: list[object] = []
    while len(listener):
        observation = await listener.take()
        assert observation is not None
        outcome = observation.outcome
        outcomes.append(outcome.status if isinstance(outcome, Task) else outcome)
    return outcomes


async def test_many_listeners_one_watch() -> None:
    """A hundred listeners of a task cost one call a round."""
    watching = Watching()
    listeners = [watching.broker.listen([scale("a")]) for _ in range(100)]
    await watching.watcher.renew_leases()
    await watching.round()
    watching.set(scale("a"), TaskStatus.COMPLETED)

    await watching.round(5)

    assert watching.calls == 2
    assert [await told(listener) for listener in listeners] == [[TaskStatus.COMPLETED]] * 100


async def test_the_first_state_comes_through_the_cache() -> None:
    """What is cached and fresh is told without a call."""
    watching = Watching()
    first = await watching.listen(scale("a"))
    first.close()

    second = await watching.listen(scale("a"))

    assert await told(second) == [TaskStatus.PENDING]
    assert watching.calls == 1


async def test_a_round_never_trusts_the_cache() -> None:
    """Watching pays for a read even while the cache counts as fresh, and leaves what it read there."""
    watching = Watching()
    await watching.listen(scale("a"))
    watching.set(scale("a"), TaskStatus.COMPLETED)

    await watching.round(5)

    entry = watching.tasks.peek(scale("a"))
    assert entry is not None
    assert entry.task is not None
    assert entry.task.status is TaskStatus.COMPLETED


async def test_scenes_of_a_request_are_asked_for_together() -> None:
    """All scenes of an annotation request are one bulk read, also those that would be due a little later."""
    watching = Watching()
    scenes = [rosetta(f"s{n}") for n in range(60)]
    await watching.listen(*scenes[:30])
    watching.clock.seconds += 2
    await watching.listen(*scenes[30:])
    watching.rosetta.asked.clear()

    await watching.round(3)

    assert [len(asked) for asked in watching.rosetta.asked] == [60]


async def test_tasks_of_a_project_are_swept() -> None:
    """Several tasks of one Scale project are one list over what has changed; nobody reads them one by one."""
    watching = Watching()
    watching.project = "p"
    listener = await watching.listen(*(scale(f"t{n}") for n in range(10)))
    await told(listener)
    watching.scale.asked.clear()
    watching.clock.seconds += 3
    watching.set(scale("t3"), TaskStatus.COMPLETED)

    await watching.round(2)

    assert watching.scale.asked == []
    assert [(group, most) for group, _, most in watching.sweep.asked] == [("p", 9)]
    assert watching.sweep.asked[0][1] == watching.clock.now() - timedelta(seconds=5, minutes=2)
    assert await told(listener) == [TaskStatus.COMPLETED]


async def test_a_sweep_that_does_not_pay() -> None:
    """Where more has changed in the project than is watched, the tasks are read one by one."""
    watching = Watching()
    watching.project = "p"
    await watching.listen(*(scale(f"t{n}") for n in range(3)))
    watching.scale.asked.clear()
    watching.sweep.pages = 3

    await watching.round(5)

    assert [len(asked) for asked in watching.scale.asked] == [3]


async def test_a_failing_backend_is_asked_less() -> None:
    """While a backend fails the watch slows down, tells nobody who knows the task, and goes on when it is back."""
    watching = Watching()
    listener = await watching.listen(scale("a"))
    await told(listener)
    watching.states[scale("a")] = DOWN
    for _ in range(60):
        await watching.round(1)
    failing = watching.calls - 1
    watching.set(scale("a"), TaskStatus.COMPLETED)

    await watching.round(60)

    assert failing in (3, 4)
    assert await told(listener) == [TaskStatus.COMPLETED]


async def test_a_task_that_cannot_be_read_yet() -> None:
    """A listener of a task whose backend is down is told so, and told the task when it can be read."""
    watching = Watching()
    watching.states[scale("a")] = DOWN
    listener = await watching.listen(scale("a"))
    failed = await told(listener)
    del watching.states[scale("a")]

    await watching.round(10)

    assert failed == [DOWN]
    assert await told(listener) == [TaskStatus.PENDING]


async def test_a_unique_id_shares_the_watch_of_its_task() -> None:
    """Listeners by unique id and by task id share one watch."""
    watching = Watching()
    watching.scale.by_unique_id = {"mine": fake_task(scale("a"), unique_id="mine")}
    listener = await watching.listen(ScaleUniqueId("mine"), scale("a"))
    await watching.round()
    before = watching.calls

    await watching.round(5)

    assert await told(listener) == [TaskStatus.PENDING, TaskStatus.PENDING]
    assert (watching.calls - before, len(watching.watcher)) == (1, 1)


async def test_nobody_listens_nobody_asks() -> None:
    """With its last listener a task's watch ends, and its lease is given back."""
    watching = Watching()
    listener = await watching.listen(scale("a"))
    before = watching.calls

    listener.close()
    await watching.watcher.renew_leases()
    await watching.round(100)

    assert (watching.calls, len(watching.watcher)) == (before, 0)
    assert watching.replicas.released == [scale("a")]


async def test_another_replica_watches() -> None:
    """A task whose lease another replica holds is read once for its listeners here, and not watched."""
    watching = Watching()
    watching.replicas.others = {scale("a")}
    listener = await watching.listen(scale("a"))

    await watching.round(100)

    assert await told(listener) == [TaskStatus.PENDING]
    assert watching.calls == 1


async def test_taking_over() -> None:
    """When the other replica's lease ends, the task is read at once and watched from then on."""
    watching = Watching()
    watching.replicas.others = {scale("a")}
    listener = await watching.listen(scale("a"))
    await told(listener)
    watching.set(scale("a"), TaskStatus.COMPLETED)
    watching.clock.seconds += 1
    watching.replicas.others = set()

    await watching.watcher.renew_leases()
    await watching.round()

    assert await told(listener) == [TaskStatus.COMPLETED]


async def test_changes_are_told_to_the_others() -> None:
    """What the watch finds is told to the other replicas; a first state, which each reads for itself, is not."""
    watching = Watching()
    await watching.listen(scale("a"))
    before = list(watching.replicas.told)
    watching.set(scale("a"), TaskStatus.COMPLETED)

    await watching.round(5)

    assert before == []
    assert [task.status for task in watching.replicas.told] == [TaskStatus.COMPLETED]


async def test_news_of_another_replica() -> None:
    """News heard reaches listeners and the cache without a read; what is older than what is known does not."""
    watching = Watching()
    running = asyncio.ensure_future(watching.watcher.run())
    await asyncio.sleep(0)
    listener = await watching.listen(scale("a"))
    await told(listener)
    watching.clock.seconds += 1
    watching.set(scale("a"), TaskStatus.COMPLETED)
    news, before = watching.state(scale("a")), watching.calls
    assert isinstance(news, Task)

    watching.replicas.heard(scale("a"), lambda: news)
    first = await told(listener)
    old = replace(news, updated_at=watching.clock.now() - timedelta(minutes=1), status=TaskStatus.FAILED)
    watching.replicas.heard(scale("a"), lambda: old)
    running.cancel()
    await asyncio.wait([running])

    entry = watching.tasks.peek(scale("a"))
    assert entry is not None
    assert entry.task == news
    assert (first, await told(listener), watching.calls) == ([TaskStatus.COMPLETED], [], before)


async def test_after_a_gap_everything_is_read() -> None:
    """When the link to the others is back, what may have been missed is read, whoever holds the lease."""
    watching = Watching()
    running = asyncio.ensure_future(watching.watcher.run())
    await asyncio.sleep(0)
    watching.replicas.others = {scale("a")}
    listener = await watching.listen(scale("a"))
    await told(listener)
    watching.clock.seconds += 1
    watching.set(scale("a"), TaskStatus.COMPLETED)

    watching.replicas.linked(False)
    watching.replicas.linked(True)
    await watching.round()
    running.cancel()
    await asyncio.wait([running])

    assert await told(listener) == [TaskStatus.COMPLETED]


async def test_stopping_leaves_nothing() -> None:
    """When the watcher stops, no read is left running and its leases are given back."""
    watching = Watching()
    before = asyncio.all_tasks()
    never = asyncio.Event()

    async def hang(references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        await never.wait()
        return []

    running = asyncio.ensure_future(watching.watcher.run())
    await watching.listen(scale("a"))
    watching.scale.fetch = hang  # type: ignore[method-assign]  # this one never answers
    await watching.round(5)
    running.cancel()
    await asyncio.wait([running])
    await watching.tasks.aclose()

    assert watching.replicas.released == [scale("a")]
    assert asyncio.all_tasks() == before
