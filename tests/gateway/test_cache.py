"""What has been read, and how long it counts as fresh."""

import pytest

from gateway.cache import Freshness, TaskCache
from schema.references import ScaleUniqueId
from schema.status import TaskStatus
from tests.fakes import FakeClock, fake_task, scale


def cache(clock: FakeClock, max_tasks: int = 10) -> TaskCache:
    return TaskCache(Freshness(), max_tasks, clock)


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        (TaskStatus.PENDING, 10),
        (TaskStatus.IN_PROGRESS, 10),
        (TaskStatus.IN_REVIEW, 10),
        (TaskStatus.IN_QC, 10),
        (TaskStatus.UNKNOWN, 10),
        (TaskStatus.COMPLETED, 300),
        (TaskStatus.FAILED, 300),
        (TaskStatus.DELIVERY_FAILED, 300),
        (TaskStatus.CANCELED, 3600),
    ],
)
def test_fresh_by_status(status: TaskStatus, seconds: int) -> None:
    """Each status has its freshness, and none is for ever."""
    clock = FakeClock()
    kept = cache(clock)
    task = fake_task(scale("a"), status)
    kept.put(scale("a"), task)

    clock.seconds = seconds - 0.001
    entry = kept.get(scale("a"))
    assert entry is not None
    assert entry.task is task

    clock.seconds = seconds
    assert kept.get(scale("a")) is None


def test_absence_is_kept_briefly() -> None:
    """That a backend knows no such task is remembered for five seconds."""
    clock = FakeClock()
    kept = cache(clock)
    kept.put(scale("a"), None)

    entry = kept.get(scale("a"))
    assert entry is not None
    assert entry.task is None

    clock.seconds = 5
    assert kept.get(scale("a")) is None


def test_bounded() -> None:
    """The least recently read goes first when the bound is reached."""
    kept = cache(FakeClock(), max_tasks=2)
    kept.put(scale("a"), fake_task(scale("a")))
    kept.put(scale("b"), fake_task(scale("b")))
    kept.get(scale("a"))

    kept.put(scale("c"), fake_task(scale("c")))

    assert kept.get(scale("a")) is not None
    assert kept.get(scale("b")) is None


def test_unique_id_leads_to_its_task() -> None:
    """A task read by its id answers for its unique id too."""
    kept = cache(FakeClock())
    kept.put(scale("a"), fake_task(scale("a"), unique_id="u"))

    entry = kept.get(ScaleUniqueId("u"))

    assert entry is not None
    assert entry.task is not None
    assert entry.task.reference == scale("a")


def test_unique_id_that_moved() -> None:
    """A task that lost its unique id no longer answers for it."""
    kept = cache(FakeClock())
    kept.put(scale("a"), fake_task(scale("a"), unique_id="u"))

    kept.put(scale("a"), fake_task(scale("a"), unique_id=None))

    assert kept.get(ScaleUniqueId("u")) is None


def test_unique_id_found_nowhere() -> None:
    """ "No task has this unique id" is an answer too, until a task with it is seen."""
    kept = cache(FakeClock())
    kept.put(ScaleUniqueId("u"), None)

    absent = kept.get(ScaleUniqueId("u"))
    assert absent is not None
    assert absent.task is None

    kept.put(scale("a"), fake_task(scale("a"), unique_id="u"))
    found = kept.get(ScaleUniqueId("u"))
    assert found is not None
    assert found.task is not None
