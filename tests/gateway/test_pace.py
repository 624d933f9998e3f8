"""How often a watched task is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pace import Pace
from schema.status import TaskStatus

PACE = Pace(5, 60)
MIDDLE = 0.5


@pytest.mark.parametrize(
    ("status", "age_s", "seconds"),
    [
        (TaskStatus.IN_PROGRESS, 0, 5),
        (TaskStatus.PENDING, 200, 20),
        (TaskStatus.PENDING, 86_400, 60),
        (TaskStatus.COMPLETED, 0, 20),
        (TaskStatus.COMPLETED, 300, 60),
        (TaskStatus.CANCELED, 0, 60),
        (None, 0, 5),
    ],
)
def test_by_status_and_age(status: TaskStatus | None, age_s: float, seconds: float) -> None:
    """Open and young tasks are asked for most often, settled and resting ones seldom, cancelled ones hardly."""
    assert PACE.interval(status, age_s, 0, MIDDLE) == pytest.approx(seconds)


def test_failures_slow_down() -> None:
    """Each failure doubles the wait, up to the ceiling."""
    waits = [PACE.interval(TaskStatus.PENDING, 0, failures, MIDDLE) for failures in range(6)]

    assert waits == [5, 10, 20, 40, 60, 60]


def test_jitter_spreads() -> None:
    """Tasks watched since the same moment drift apart by a tenth either way."""
    assert PACE.interval(TaskStatus.PENDING, 200, 0, 0.0) == pytest.approx(18)
    assert PACE.interval(TaskStatus.PENDING, 200, 0, 1.0) == pytest.approx(22)


@given(
    status=st.none() | st.sampled_from(TaskStatus),
    age_s=st.floats(0, 1e9),
    failures=st.integers(0, 10_000),
    chance=st.floats(0, 1),
)
def test_floor_and_ceiling(status: TaskStatus | None, age_s: float, failures: int, chance: float) -> None:
    """Whatever happens, a task is never asked for more often than MIN_S nor more seldom than MAX_S."""
    assert 5 <= PACE.interval(status, age_s, failures, chance) <= 60
