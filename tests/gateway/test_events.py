"""The broker: latest state for the slow, nothing older than what was told."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.events import Broker, Listener, differs, is_older
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import ScaleUniqueId
from schema.scalars import JSON
from schema.status import TaskStatus
from schema.task import Task
from tests.fakes import START, FakeClock, FakeRecord, fake_task, rosetta, scale

pytestmark = pytest.mark.anyio

DOWN = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down", backend=Backend.SCALE)
UNCONFIGURED = GatewayError(ErrorCode.BACKEND_NOT_CONFIGURED, "no key", backend=Backend.SCALE)


def at(minute: int, status: TaskStatus = TaskStatus.PENDING, name: str = "a") -> Task:
    """Scale's task as it was in this minute, read in it."""
    moment = START + timedelta(minutes=minute)
    return replace(fake_task(scale(name), status), updated_at=moment, fetched_at=moment)


async def taken(listener: Listener) -> list[tuple[object, object]]:
    """Every outcome that waits, with the status before."""
    told: list[tuple[object, object]] = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                observation = await listener.take()
        except TimeoutError:
            return told
        if observation is None:
            return [*told, ("end", None)]
        outcome = observation.outcome
        told.append((outcome.status if isinstance(outcome, Task) else outcome, observation.previous_status))


async def test_every_listener_hears_every_change() -> None:
    """Two listeners of one task are told each of its states, with the status that they were told before."""
    broker = Broker(FakeClock().now)
    listeners = [broker.listen([scale("a")]) for _ in range(2)]
    heard: list[list[tuple[object, object]]] = [[], []]

    for minute, status in enumerate([TaskStatus.PENDING, TaskStatus.COMPLETED]):
        broker.publish(at(minute, status))
        for told, listener in zip(heard, listeners, strict=True):
            told += await taken(listener)

    expected = [(TaskStatus.PENDING, None), (TaskStatus.COMPLETED, TaskStatus.PENDING)]
    assert heard == [expected, expected]


async def test_a_slow_listener_gets_the_latest_state() -> None:
    """Of a thousand changes a listener that took none of them is told the last, and keeps no more than that."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([scale("a")])

    for minute in range(1000):
        broker.publish(at(minute, TaskStatus.COMPLETED if minute % 2 else TaskStatus.PENDING))

    assert len(listener) == 1
    assert await taken(listener) == [(TaskStatus.COMPLETED, None)]


async def test_there_and_back_is_no_news() -> None:
    """A listener that was told a state is not told it again, whatever came in between."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([rosetta("a")])
    first = fake_task(rosetta("a"), TaskStatus.IN_REVIEW)
    later = [replace(first, fetched_at=START + timedelta(seconds=n)) for n in (1, 2)]
    broker.publish(first)
    await taken(listener)

    broker.publish(replace(later[0], status=TaskStatus.IN_QC))
    broker.publish(later[1])

    assert await taken(listener) == []


@pytest.mark.parametrize("minute", [0, 4])
async def test_nothing_older_is_told(minute: int) -> None:
    """A state from before the one that was told is not told, whenever it was read."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([scale("a")])
    broker.publish(at(5, TaskStatus.COMPLETED))
    await taken(listener)

    late = replace(at(minute), fetched_at=START + timedelta(hours=1))

    assert not broker.publish(late)
    assert await taken(listener) == []


async def test_a_late_listener_is_told_what_is_known() -> None:
    """Who comes second is told the latest state at once, without a read."""
    broker = Broker(FakeClock().now)
    broker.listen([scale("a")])
    broker.publish(at(1))
    broker.publish(at(2, TaskStatus.COMPLETED))

    second = broker.listen([scale("a")])

    assert await taken(second) == [(TaskStatus.COMPLETED, None)]


async def test_an_unknown_task_ends() -> None:
    """A task that its backend does not know is told as such, and followed no more; the stream ends with the last."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([scale("a")])

    broker.fail(scale("a"), None)

    assert await taken(listener) == [(None, None), ("end", None)]
    assert len(broker) == 0


async def test_a_failing_backend_is_told_once() -> None:
    """That a task cannot be read yet is told once; when it can be, its state is."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([scale("a")])
    for _ in range(3):
        broker.fail(scale("a"), DOWN)
    failed = await taken(listener)

    broker.publish(at(1))

    assert failed == [(DOWN, None)]
    assert await taken(listener) == [(TaskStatus.PENDING, None)]


async def test_a_known_task_does_not_fail() -> None:
    """That a backend fails is no news to who knows a task's state: the watch goes on."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([scale("a")])
    broker.publish(at(1))
    await taken(listener)

    broker.fail(scale("a"), DOWN)

    assert await taken(listener) == []


async def test_a_deleted_task_may_come_back() -> None:
    """A task that was known and is no more is told as missing, and told again when it is there again."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([scale("a")])
    broker.publish(at(1))
    broker.fail(scale("a"), None)
    gone = await taken(listener)

    broker.publish(at(2))

    assert gone == [(None, None)]
    assert await taken(listener) == [(TaskStatus.PENDING, None)]


async def test_a_backend_without_credentials_ends() -> None:
    """Nobody waits for a backend that is not configured."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([scale("a"), scale("b")])
    broker.publish(at(1, name="b"))

    broker.fail(scale("a"), UNCONFIGURED)

    assert sorted(map(str, await taken(listener))) == sorted(
        map(str, [(TaskStatus.PENDING, None), (UNCONFIGURED, None)])
    )
    assert len(broker) == 1


async def test_a_unique_id_leads_to_its_task() -> None:
    """Who listens to a unique id hears of its task, under the unique id, by the task's own topic."""
    broker = Broker(FakeClock().now)
    listener = broker.listen([ScaleUniqueId("mine"), scale("a")])

    broker.lead(ScaleUniqueId("mine"), at(1))
    observations = [await listener.take(), await listener.take()]

    assert {o.selector for o in observations if o is not None} == {ScaleUniqueId("mine"), scale("a")}
    assert len(broker) == 1


async def test_nothing_is_left_of_who_left() -> None:
    """Closing takes every topic away, and says so."""
    broker = Broker(FakeClock().now)
    gone: list[object] = []
    broker.on_last = gone.append
    listener = broker.listen([scale("a"), ScaleUniqueId("mine")])
    stays = broker.listen([scale("a")])

    listener.close()

    assert gone == [ScaleUniqueId("mine")]
    stays.close()
    assert (len(broker), gone) == (0, [ScaleUniqueId("mine"), scale("a")])


async def test_closing_the_stream_closes_the_listener() -> None:
    """A client that goes while it is waited for leaves nothing behind."""
    broker = Broker(FakeClock().now)
    stream = broker.observe([scale("a")])
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])

    assert len(broker) == 0


class OtherRecord(FakeRecord):
    """A record with something in it."""

    body = b'{"n": 1}'

    def raw(self, *, with_people: bool) -> JSON:
        return JSON({"n": 1})


@pytest.mark.parametrize(
    ("changes", "is_change"),
    [
        ({"fetched_at": START + timedelta(days=1), "is_stale": True}, False),
        ({"status": TaskStatus.CANCELED}, True),
        ({"tags": ["x"]}, True),
        ({"known_view_url": "https://view/?signed=anew"}, False),
        ({"has_view_url": False, "known_view_url": None}, False),
    ],
)
def test_what_counts_as_a_change(changes: dict[str, object], is_change: bool) -> None:
    """A change is what a client could see of status and record, not when or how the task was read."""
    task = fake_task(rosetta("a"))

    assert differs(replace(task, **changes), task) is is_change  # type: ignore[arg-type]  # fields of Task


def test_a_record_without_dates_is_compared() -> None:
    """Where nothing tells when a record changed, the records themselves are compared."""
    row = fake_task(rosetta("a"), has_view_url=False)

    assert differs(replace(row, record=OtherRecord()), row)
    assert not differs(replace(row, record=FakeRecord()), row)


def test_which_state_is_older() -> None:
    """Scale tells when a task changed; of Rosetta's states the one that was read later is the later one."""
    first = fake_task(rosetta("a"))

    assert is_older(replace(at(1), fetched_at=START + timedelta(hours=9)), at(2))
    assert not is_older(at(2), at(2))
    assert is_older(first, replace(first, fetched_at=START + timedelta(seconds=1)))
