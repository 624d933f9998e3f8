"""What has been seen of the backends: the latest calls, kept for `Query.backends`."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from gateway.backends.circuit import Circuit
from schema.backend import Backend
from schema.errors import ErrorCode
from schema.health import BackendHealth, CircuitState

# Percentiles speak of the latest calls only: enough for a stable 95th, few enough to follow a change.
_LATEST_CALLS = 256

# A failure longer ago says nothing about now.
_FAILING_FOR = timedelta(hours=1)

# The backend did its part here; whoever called was wrong.
_NOT_ITS_FAULT = frozenset({ErrorCode.BAD_USER_INPUT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.NOT_SUPPORTED})

_log = structlog.get_logger(__name__)


class HealthLog:
    """Hears of every call to a backend (`CallObserver`) and tells what it heard (`BackendReport`, `BackendTrouble`).

    `circuits` are those that stand before the backends.
    """

    def __init__(
        self, configured: Sequence[Backend], circuits: Mapping[Backend, Circuit], now: Callable[[], datetime]
    ) -> None:
        self.on_failure: list[Callable[[Backend], None]] = []
        self._now = now
        self._circuits = circuits
        self._seen = {backend: _Seen(backend in configured) for backend in Backend}

    def called(self, backend: Backend, endpoint: str, failure: ErrorCode | None, seconds: float) -> None:
        seen = self._seen[backend]
        seen.latencies_s.append(seconds)
        if failure is None or failure in _NOT_ITS_FAULT:
            seen.last_success_at = self._now()
            seen.is_failing = False
            return
        seen.last_failure_at = self._now()
        seen.last_failure = failure
        seen.is_failing = True
        _log.warning("backend call failed", backend=backend.name, endpoint=endpoint, code=failure.name)
        for tell in self.on_failure:
            tell(backend)

    def is_failing(self, backend: Backend) -> bool:
        """Whether the latest call, in the last hour, failed."""
        seen = self._seen[backend]
        return (
            seen.is_failing and seen.last_failure_at is not None and self._now() - seen.last_failure_at <= _FAILING_FOR
        )

    def misfit(self, backend: Backend, field: str) -> None:
        _log.info("a field did not fit its type and reads as null", backend=backend.name, field=field)

    def backends(self) -> Sequence[BackendHealth]:
        return [seen.report(backend, self._state_of(backend)) for backend, seen in self._seen.items()]

    def _state_of(self, backend: Backend) -> CircuitState:
        circuit = self._circuits.get(backend)
        return CircuitState.CLOSED if circuit is None else circuit.state


class _Seen:
    def __init__(self, is_configured: bool) -> None:
        self.is_configured = is_configured
        self.is_failing = False
        self.last_success_at: datetime | None = None
        self.last_failure_at: datetime | None = None
        self.last_failure: ErrorCode | None = None
        self.latencies_s: deque[float] = deque(maxlen=_LATEST_CALLS)

    def report(self, backend: Backend, circuit: CircuitState) -> BackendHealth:
        latencies_s = sorted(self.latencies_s)
        return BackendHealth(
            backend=backend,
            is_configured=self.is_configured,
            circuit=circuit,
            last_success_at=self.last_success_at,
            last_failure_at=self.last_failure_at,
            last_failure=self.last_failure,
            latency_p50_ms=_percentile_ms(latencies_s, 0.5),
            latency_p95_ms=_percentile_ms(latencies_s, 0.95),
        )


def _percentile_ms(sorted_s: Sequence[float], share: float) -> float | None:
    if not sorted_s:
        return None
    return round(sorted_s[min(len(sorted_s) - 1, int(share * len(sorted_s)))] * 1000, 3)
