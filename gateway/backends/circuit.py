"""Circuit: closed, open, half-open. Decisions only, no I/O."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from schema.health import CircuitState

_WINDOW_S = 30.0
_LEAST_CALLS = 20
_FAILING_SHARE = 0.5
_OPEN_S = 10.0
_PROBES = 3


class Verdict(Enum):
    """How an admitted call ended. A cancelled one says nothing about the backend."""

    SUCCESS = auto()
    FAILURE = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to send one call, to be reported on exactly once. One object serves all calls of one time."""

    period: int


class Circuit:
    """Whether calls may go to one backend.

    Opens when at least half of at least 20 calls in 30 s failed. After 10 s three probes may go; it closes when all
    three succeed and opens again when one fails. `now` is seconds of any steady clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._state = CircuitState.CLOSED
        # Each state's own time; a report on a call that was admitted in an earlier one comes too late to count.
        self._period = 0
        self._admission = Admission(0)
        self._opened_at = 0.0
        self._verdicts: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._probes_out = 0
        self._probes_succeeded = 0

    @property
    def state(self) -> CircuitState:
        if self._state is CircuitState.OPEN and self._now() >= self._opened_at + _OPEN_S:
            return CircuitState.HALF_OPEN
        return self._state

    @property
    def probes_in_s(self) -> float:
        """Seconds until probes may go; 0 where they may already."""
        if self._state is not CircuitState.OPEN:
            return 0.0
        return max(0.0, self._opened_at + _OPEN_S - self._now())

    @property
    def refuses(self) -> bool:
        """Whether `admit` would refuse now."""
        if self._state is CircuitState.CLOSED:
            return False
        if self.state is CircuitState.HALF_OPEN:
            in_use = self._probes_out + self._probes_succeeded if self._state is CircuitState.HALF_OPEN else 0
            return in_use >= _PROBES
        return self._state is CircuitState.OPEN

    def admit(self) -> Admission | None:
        """Leave to send one call now, None where there is none."""
        if self.refuses:
            return None
        if self._state is CircuitState.OPEN:
            self._enter(CircuitState.HALF_OPEN)
        if self._state is CircuitState.HALF_OPEN:
            self._probes_out += 1
        return self._admission

    def report(self, admission: Admission, verdict: Verdict) -> None:
        """Tells how the admitted call ended."""
        if admission.period != self._period:
            return
        if self._state is CircuitState.HALF_OPEN:
            self._report_probe(verdict)
        elif verdict is not Verdict.CANCELLED:
            self._count(verdict is Verdict.FAILURE)

    def _report_probe(self, verdict: Verdict) -> None:
        self._probes_out -= 1
        if verdict is Verdict.FAILURE:
            self._enter(CircuitState.OPEN)
        elif verdict is Verdict.SUCCESS:
            self._probes_succeeded += 1
            if self._probes_succeeded == _PROBES:
                self._enter(CircuitState.CLOSED)

    def _count(self, failed: bool) -> None:
        now = self._now()
        self._verdicts.append((now, failed))
        self._failures += failed
        while self._verdicts[0][0] <= now - _WINDOW_S:
            self._failures -= self._verdicts.popleft()[1]
        calls = len(self._verdicts)
        if calls >= _LEAST_CALLS and self._failures >= _FAILING_SHARE * calls:
            self._enter(CircuitState.OPEN)

    def _enter(self, state: CircuitState) -> None:
        self._state = state
        self._period += 1
        self._admission = Admission(self._period)
        self._opened_at = self._now()
        self._verdicts.clear()
        self._failures = 0
        self._probes_out = 0
        self._probes_succeeded = 0
