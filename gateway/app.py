"""create_app: the only place where parts meet. What is made here is closed by the app's lifespan."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.backends.base import CallObserver, TaskBackend, UnconfiguredBackend
from gateway.backends.health import HealthLog
from gateway.backends.observers import Observers
from gateway.backends.rosetta import RosettaClient, rosetta_backend
from gateway.backends.scale import ScaleClient, scale_backend
from gateway.backends.transport import Limits, Wire
from gateway.cache import Freshness, TaskCache
from gateway.endpoints.gateway import Gateway
from gateway.endpoints.graphiql import graphiql_files
from gateway.endpoints.health import livez, readyz_route, sdl_endpoint
from gateway.endpoints.metrics import metrics_route
from gateway.execution.deadline import bound_fields
from gateway.execution.observed import Observation
from gateway.loaders import OperationLoader
from gateway.metrics import Metrics
from gateway.operations import example_operations
from gateway.repository import TaskRepository
from gateway.sampler import Show, sample
from gateway.settings import BackendLimits, Settings
from gateway.tally import TallyKeeper
from gateway.wiring import caller_rate, document_store, graphql_endpoint, issuer_keys, observation
from schema import build_schema
from schema.backend import Backend
from schema.context import Caller, Context

_log = structlog.get_logger(__name__)

_LOADERS_FIRST_S = 0.05


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    wires: Mapping[Backend, Wire] = MappingProxyType({}),
    now: Callable[[], datetime] = _now,
    clock: Callable[[], float] = time.monotonic,
    metrics: Metrics | None = None,
) -> Gateway:
    """The gateway as an ASGI app. Raises nothing for a backend that is down: it is asked when a client asks.

    `wires` replaces a backend's sockets: the sandbox in process, or a test's own. `now` is the wall clock, `clock`
    the steady one, in seconds. `metrics` are shared with other workers, where there are any.
    """
    metrics = metrics or Metrics()
    observed = observation(settings, metrics)
    health = HealthLog(_configured(settings), now)
    observer = Observers(health, metrics, TallyKeeper())
    scale, rosetta = backend_clients(settings, observer, wires, now)
    backends: dict[Backend, TaskBackend] = {Backend.SCALE: scale, Backend.ROSETTA: rosetta}
    cache = _cache(settings, clock)
    repository = TaskRepository(cache, backends, scale)
    schema = build_schema()
    bound_fields(schema._schema)
    keys, store, rate = issuer_keys(settings), document_store(settings), caller_rate(settings)

    def make_context(caller: Caller, request_id: str, *, no_cache: bool = False) -> Context:
        deadline = asyncio.get_running_loop().time() + settings.request_timeout_s
        return Context(
            caller=caller,
            request_id=request_id,
            tasks=OperationLoader(repository, deadline),
            report=health,
            # After the loaders': a look-up that is late is one item's outcome, not the end of its whole list.
            deadline=deadline + _LOADERS_FIRST_S,
            no_cache=no_cache,
        )

    graphql = graphql_endpoint(settings, schema, make_context, keys=keys, store=store, rate=rate, observation=observed)
    sdl = schema.as_str()

    async def schema_graphql(request: Request) -> Response:
        return sdl_endpoint(sdl, allowed=settings.allows_introspection)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as closing:
            for backend in (scale, rosetta):
                if not isinstance(backend, UnconfiguredBackend):
                    closing.push_async_callback(backend.aclose)
            closing.push_async_callback(repository.aclose)
            closing.push_async_callback(store.aclose)
            if rate is not None:
                closing.push_async_callback(rate.aclose)
            if keys is not None:
                closing.push_async_callback(keys.aclose)
            sampling = asyncio.create_task(sample(_shows(metrics, observed, health), metrics.loop_lag.observe))
            closing.push_async_callback(_ended, sampling)
            closing.callback(observed.tracing.close)
            _log.info("ready", backends=[backend.name for backend in _configured(settings)])
            yield

    routes: list[BaseRoute] = [
        Route("/schema.graphql", schema_graphql),
        Route("/livez", livez),
        readyz_route(observed.drain, has_backend=bool(_configured(settings))),
    ]
    if settings.metrics.port is None:
        routes.append(metrics_route(metrics.exposition))
    if settings.shows_graphiql:
        routes.append(graphiql_files(example_operations()))
    return Gateway(graphql, settings.root_path, observed.drain, lifespan=lifespan, routes=routes)


def _shows(metrics: Metrics, observed: Observation, health: HealthLog) -> list[Show]:
    def circuits() -> None:
        for report in health.backends():
            metrics.show_circuit(report.backend, report.circuit)

    return [
        lambda: metrics.in_flight.set(observed.load.in_flight),
        circuits,
    ]


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def backend_clients(
    settings: Settings,
    observer: CallObserver,
    wires: Mapping[Backend, Wire] = MappingProxyType({}),
    now: Callable[[], datetime] = _now,
) -> "tuple[ScaleClient | UnconfiguredBackend, RosettaClient | UnconfiguredBackend]":
    """Scale's and Rosetta's client; whoever asks for them closes them."""
    return (
        _scale(settings, observer, wires.get(Backend.SCALE), now),
        _rosetta(settings, observer, wires.get(Backend.ROSETTA), now),
    )


def _configured(settings: Settings) -> list[Backend]:
    given = {
        Backend.ROSETTA: settings.rosetta.base_url is not None,
        Backend.SCALE: settings.scale.api_key is not None,
    }
    return [backend for backend, is_given in given.items() if is_given]


def _limits(settings: BackendLimits) -> Limits:
    return Limits(
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        max_concurrency=settings.max_concurrency,
    )


def _scale(
    settings: Settings, observer: CallObserver, wire: Wire | None, now: Callable[[], datetime]
) -> "ScaleClient | UnconfiguredBackend":
    scale = settings.scale
    if scale.api_key is None:
        return UnconfiguredBackend(Backend.SCALE)
    return scale_backend(
        str(scale.base_url),
        scale.api_key.get_secret_value(),
        limits=_limits(scale),
        observer=observer,
        wire=wire,
        now=now,
    )


def _rosetta(
    settings: Settings, observer: CallObserver, wire: Wire | None, now: Callable[[], datetime]
) -> "RosettaClient | UnconfiguredBackend":
    rosetta = settings.rosetta
    if rosetta.base_url is None or rosetta.access_key is None or rosetta.secret_key is None:
        return UnconfiguredBackend(Backend.ROSETTA)
    return rosetta_backend(
        str(rosetta.base_url),
        rosetta.access_key.get_secret_value(),
        rosetta.secret_key.get_secret_value(),
        time_zone=ZoneInfo(rosetta.time_zone),
        limits=_limits(rosetta),
        observer=observer,
        wire=wire,
        now=now,
    )


def _cache(settings: Settings, clock: Callable[[], float]) -> TaskCache:
    kept = settings.freshness
    freshness = Freshness(
        open_s=kept.open_s, settled_s=kept.settled_s, canceled_s=kept.canceled_s, absent_s=kept.absent_s
    )
    return TaskCache(freshness, settings.cache.max_tasks, clock)
