"""How often a watched task is asked for, and when one question answers for many. Decisions only, no I/O."""

from dataclasses import dataclass
from datetime import timedelta

from schema.status import TaskStatus

# A task that has just changed may change again soon; one that has rested for long mostly goes on resting. With these,
# a task that rests for ten minutes is asked for once a minute.
_SHARE_OF_AGE = 0.1

# People come back to these seldom: only a recall, an audit or a redone delivery changes them.
_SETTLED = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.DELIVERY_FAILED})
_SETTLED_TIMES = 4

# Either way from the middle, so that tasks watched since the same moment drift apart.
_JITTER = 0.1

# Clocks of the gateway and the backend differ, and a backend may show a change late.
SWEEP_OVERLAP = timedelta(minutes=2)

# From how many tasks of one project on a sweep is asked instead of each task.
SWEEP_FROM = 2


@dataclass(frozen=True)
class Pace:
    """Seconds between two questions for one watched task: never below `min_s`, never above `max_s`."""

    min_s: float
    max_s: float

    def interval(self, status: TaskStatus | None, age_s: float, failures: int, chance: float) -> float:
        """For a task in this status for `age_s`, after so many failures in a row; `chance` is from 0 to 1."""
        if status is TaskStatus.CANCELED:
            base = self.max_s
        else:
            base = max(self.min_s, age_s * _SHARE_OF_AGE) * (_SETTLED_TIMES if status in _SETTLED else 1)
        slowed = base * float(2 ** min(failures, 10))
        return min(self.max_s, max(self.min_s, min(slowed, self.max_s) * (1 - _JITTER + 2 * _JITTER * chance)))
