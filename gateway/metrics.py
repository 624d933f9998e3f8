"""What the gateway counts, for Prometheus. deploy/README.md lists it; a test keeps that list true."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from gateway.operation_names import OperationNames
from gateway.worker_processes import WorkerProcesses
from schema.backend import Backend
from schema.errors import ErrorCode
from schema.health import CircuitState

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

_OK = "ok"

M = TypeVar("M", Counter, Histogram, Gauge)


@dataclass(frozen=True, slots=True)
class _OperationSeries:
    """The children of one operation's metrics, found once: `labels()` costs more than counting."""

    outcomes: dict[str, Counter]
    seconds: Histogram


class Metrics:
    """One registry an app. Label values come from small fixed sets, or are bounded here; none is an id.

    With several workers each writes to files in `shared_directory`, and any of them serves the sum of all. Then the
    environment has named this directory to prometheus_client before it was imported: see `gateway.workers`.
    """

    def __init__(self, shared_directory: Path | None = None) -> None:
        # When a series began is of no use here, and would double their number. (Three of prometheus_client's functions
        # have no types.)
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._shared_directory = shared_directory
        self._names = OperationNames()
        self._shown: dict[tuple[object, ...], int] = {}
        self._operation_series: dict[tuple[str, str], _OperationSeries] = {}
        self._call_series: dict[tuple[Backend, str, ErrorCode | None], tuple[Counter, Histogram]] = {}
        if shared_directory is None:
            ProcessCollector(namespace="gateway", registry=self.registry)
        self._make_operation_metrics()
        self._make_backend_metrics()
        self._make_state_metrics()

    def _make_operation_metrics(self) -> None:
        self._operations = self._counter("operations", "Operations that were executed.", "operation", "type", "outcome")
        self._operation_seconds = self._histogram(
            "operation_seconds", "From admission to the answer; without subscriptions.", _SECONDS, "operation", "type"
        )
        self._errors = self._counter("errors", "Errors in answers.", "code")
        self._refusals = self._counter("refusals", "Requests refused before execution.", "code")
        self._limits = self._counter(
            "limits_exceeded", "Operations over a limit: refused, or with WARN_ONLY let through.", "limit"
        )
        self.in_flight = self._gauge("operations_in_flight", "Operations being answered.", "livesum")

    def _make_backend_metrics(self) -> None:
        self._calls = self._counter(
            "backend_calls", "Requests to backends, each try counted.", "backend", "endpoint", "outcome"
        )
        self._call_seconds = self._histogram(
            "backend_call_seconds", "One request to a backend.", _SECONDS, "backend", "endpoint"
        )
        self._misfits = self._counter(
            "backend_misfits", "Fields of backends' records that did not fit their type and read as null.", "backend"
        )
        self._retries = self._counter("backend_retries", "Second and third tries of calls.", "backend")
        self._retry_budget = self._gauge(
            "retry_budget", "How many more tries the retry budget has now.", "livemin", "backend"
        )
        self._circuit = self._gauge(
            "circuit_state",
            "1 for the state that a backend's circuit is in, in one worker at least.",
            "livemax",
            "backend",
            "state",
        )

    def _make_state_metrics(self) -> None:
        self._cache_reads = self._counter("cache_reads", "What reads found in the cache.", "state")
        self._shared_failures = self._counter(
            "shared_cache_failures", "Commands to Redis that failed: the gateway went on without.", "kind"
        )
        self._coalesced = self._counter("coalesced_reads", "Reads that joined one under way.")
        self._callbacks = self._counter("callbacks", "Callbacks of backends, by what became of them.", "outcome")
        self._cached_bytes = self._gauge("cache_bytes", "What these answers take, estimated.", "livesum")
        self._cached_tasks = self._gauge("cache_tasks", "Answers kept in the local caches.", "livesum")
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop ran what was due.", _LAG_SECONDS
        )
        self._loop_tasks = self._gauge("event_loop_tasks", "Tasks in the event loop that have not ended.", "livesum")
        self.subscriptions = self._gauge("subscriptions", "Subscriptions under way.", "livesum")
        build = self._gauge("build_info", "1, labelled with what is running.", "max", "version", "python")
        build.labels(version("task-gateway"), platform.python_version()).set(1)

    def exposition(self) -> bytes:
        """Everything counted, by all workers where there are several, in Prometheus' text format."""
        if self._shared_directory is None:
            return generate_latest(self.registry)
        return generate_latest(shared_registry(self._shared_directory))

    # Operations

    def ran(self, name: str | None, kind: str, outcome: str, seconds: float | None) -> None:
        """Counts an operation that was executed; a subscription has no `seconds`."""
        label = self._names.label(name)
        series = self._operation_series.get((label, kind))
        if series is None:
            series = self._operation_series[label, kind] = self._operation(label, kind)
        series.outcomes[outcome].inc()
        if seconds is not None:
            series.seconds.observe(seconds)

    def _operation(self, label: str, kind: str) -> _OperationSeries:
        outcomes = {outcome: self._operations.labels(label, kind, outcome) for outcome in (_OK, "errors", "left")}
        return _OperationSeries(outcomes, self._operation_seconds.labels(label, kind))

    def count_error(self, code: str) -> None:
        """Counts one error in an answer."""
        self._errors.labels(code).inc()

    def count_refusal(self, code: str) -> None:
        """Counts one request that was refused before execution."""
        self._refusals.labels(code).inc()

    def count_limit(self, limit: str) -> None:
        """Counts one operation over the limit of this name."""
        self._limits.labels(limit).inc()

    def count_cache_failure(self, kind: str) -> None:
        """Counts one failure of the shared cache: timeout, connection, other."""
        self._shared_failures.labels(kind).inc()

    def count_callback(self, outcome: str) -> None:
        """Counts one callback: new, repeated, full, forged, malformed; unknown or unsettled once it was followed."""
        self._callbacks.labels(outcome).inc()

    # Backends

    def called(self, backend: Backend, endpoint: str, failure: ErrorCode | None, seconds: float) -> None:
        """Counts one call that left the process."""
        series = self._call_series.get((backend, endpoint, failure))
        if series is None:
            outcome = _OK if failure is None else failure.name
            series = self._call_series[backend, endpoint, failure] = (
                self._calls.labels(backend.name, endpoint, outcome),
                self._call_seconds.labels(backend.name, endpoint),
            )
        count, duration = series
        count.inc()
        duration.observe(seconds)

    def misfit(self, backend: Backend, field: str) -> None:
        """Counts a field that did not fit its type; which one is logged, since a record has many."""
        self._misfits.labels(backend.name).inc()

    def show_circuit(self, backend: Backend, state: CircuitState) -> None:
        """Shows the state that a backend's circuit is in."""
        for each in CircuitState:
            self._circuit.labels(backend.name, each.name).set(1 if each is state else 0)

    # Counts that others keep, in numbers that only grow

    def show_retries(self, backend: Backend, retries: int, budget: int) -> None:
        """Shows how many retries there were, and how many more there may be."""
        self._grow(self._retries, retries, backend.name)
        self._retry_budget.labels(backend.name).set(budget)

    def show_reads(self, found: Mapping[str, int], coalesced: int) -> None:
        """Shows what reads found, by state, and how many joined another."""
        for state, count in found.items():
            self._grow(self._cache_reads, count, state)
        self._grow(self._coalesced, coalesced)

    def show_cache(self, tasks: int, size_bytes: int) -> None:
        """Shows how many answers are kept, and what they take."""
        self._cached_tasks.set(tasks)
        self._cached_bytes.set(size_bytes)

    def show_loop_tasks(self, tasks: int) -> None:
        """Shows how many tasks of the event loop have not ended."""
        self._loop_tasks.set(tasks)

    def _grow(self, counter: Counter, count: int, *labels: str) -> None:
        key = (id(counter), *labels)
        child = counter.labels(*labels) if labels else counter
        child.inc(count - self._shown.get(key, 0))
        self._shown[key] = count

    # Making

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return self._made(Counter, name, description, labels)

    def _gauge(self, name: str, description: str, mode: str, *labels: str) -> Gauge:
        return self._made(Gauge, name, description, labels, multiprocess_mode=mode)

    def _histogram(self, name: str, description: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return self._made(Histogram, name, description, labels, buckets=buckets)

    def _made(self, kind: type[M], name: str, description: str, labels: tuple[str, ...], **options: Any) -> M:
        return kind(name, description, labels, namespace="gateway", registry=self.registry, **options)


def shared_registry(shared_directory: Path) -> CollectorRegistry:
    """What all workers have written to the directory, whenever it is collected."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(shared_directory))  # type: ignore[no-untyped-call]
    registry.register(WorkerProcesses(shared_directory))
    return registry


def serve_metrics(host: str, port: int, registry: CollectorRegistry) -> None:
    """Serves metrics, and nothing else, on a port of their own until the process ends. Raises OSError."""
    start_http_server(port, host, registry)


def forget_worker(shared_directory: Path, pid: int) -> None:
    """What a worker that ended showed of its present state counts no more; what it counted stays."""
    mark_process_dead(pid, path=str(shared_directory))  # type: ignore[no-untyped-call]
