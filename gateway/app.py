"""create_app: the only place where parts meet. What is made here is closed by the app's lifespan."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Protocol

import strawberry
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.backends.base import TaskBackend, UnconfiguredBackend, Webhook
from gateway.backends.guard import Guard
from gateway.backends.health import HealthLog
from gateway.backends.observers import Observers
from gateway.backends.rosetta import RosettaClient
from gateway.backends.scale import ScaleClient
from gateway.backends.scale.sweep import ProjectSweep
from gateway.backends.scale.webhook import ScaleWebhook
from gateway.backends.transport import Wire
from gateway.cache import Freshness, TaskCache
from gateway.clients import backend_accounts, backend_clients, backend_guards, configured_backends, utc_now
from gateway.counterparts import SceneKeys
from gateway.endpoints.gateway import Gateway
from gateway.endpoints.graphiql import graphiql_files
from gateway.endpoints.health import livez, readyz_route, sdl_endpoint
from gateway.endpoints.metrics import metrics_route
from gateway.endpoints.webhooks import WebhookEndpoint, webhook_route
from gateway.endpoints.websocket import MakeContext
from gateway.execution.deadline import bound_fields
from gateway.execution.observed import Observation
from gateway.execution.responses import KeptAnswers
from gateway.live import Live
from gateway.metrics import Metrics
from gateway.operation_log import LineWriter
from gateway.operations import example_operations
from gateway.pace import Pace
from gateway.readers import Clients, Readers
from gateway.redis_replicas import RedisReplicas
from gateway.redis_storage import RedisStorage
from gateway.replicas import Alone, Replicas
from gateway.repository import TaskRepository
from gateway.sampler import Show, sample
from gateway.settings import Settings
from gateway.sharing import FORM_VERSION, SharedTasks
from gateway.storage import Storage
from gateway.tally import TallyKeeper
from gateway.tracing import Tracing
from gateway.wiring import caller_rate, document_store, graphql_endpoint, issuer_keys, observation
from gateway.writing import TaskCreator, TaskWrites, UrlRules
from schema import build_schema, build_subgraph_schema, build_subgraph_sdl
from schema.backend import Backend
from schema.context import Caller, Context, TaskLister

_log = structlog.get_logger(__name__)

# A page of an export is the last that is of use of it.
_PASSING_TASKS = 500
_NO_DEADLINE = float("inf")
_LOADERS_FIRST_S = 0.05


def create_app(
    settings: Settings,
    *,
    wires: Mapping[Backend, Wire] = MappingProxyType({}),
    now: Callable[[], datetime] = utc_now,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    metrics: Metrics | None = None,
    tracing: Tracing | None = None,
    lines: LineWriter | None = None,
) -> Gateway:
    """The gateway as an ASGI app. Raises nothing for a backend that is down: it is asked when a client asks.

    `wires` replaces a backend's sockets: the sandbox in process, or a test's own. `now` is the wall clock, `clock`
    the steady one, in seconds; `sleep` waits between two tries of a call, `pause` between two
    rounds of watching. `metrics` are shared with other workers, where there are any; `tracing`
    replaces what the settings ask for; the lines of operations go to `lines`, by default to the logging module.
    """
    metrics = metrics or Metrics()
    observed = observation(settings, metrics, tracing, lines)
    guards = backend_guards(settings, clock, sleep)
    health = HealthLog(
        configured_backends(settings), {backend: guard.circuit for backend, guard in guards.items()}, now
    )
    observer = Observers(health, metrics, TallyKeeper())
    scale, rosetta = backend_clients(settings, observer, wires, now, guards, observed.tracing)
    backends: dict[Backend, TaskBackend] = {Backend.SCALE: scale, Backend.ROSETTA: rosetta}
    storage = _storage(settings, clock, metrics)
    freshness = _freshness(settings)
    shared = None if storage is None else SharedTasks(storage, backends, freshness, backend_accounts(settings), now)
    cache = TaskCache(freshness, settings.cache.max_tasks, clock, settings.cache.max_bytes)
    repository = TaskRepository(cache, backends, scale, now=now, trouble=health, shared=shared)
    readers = _readers(settings, repository, scale, rosetta, now, clock)
    writes = TaskWrites(scale, repository, TaskCreator(scale, repository, sleep=sleep), UrlRules(settings.scale.hosts))
    live = Live(
        repository,
        Pace(settings.watch.min_s, settings.watch.max_s),
        _replicas(settings, backends, now, clock, metrics),
        {Backend.SCALE: ProjectSweep(scale)} if isinstance(scale, ScaleClient) else {},
        now=now,
        clock=clock,
        sleep=pause,
        count_callback=metrics.count_callback,
    )
    schema = build_subgraph_schema() if settings.federation else build_schema()
    bound_fields(schema._schema)
    keys, store, rate = issuer_keys(settings), document_store(settings, metrics), caller_rate(settings, metrics)
    answers = KeptAnswers(cache) if settings.keep_answers else None
    graphql = graphql_endpoint(
        settings,
        schema,
        _context_maker(settings, readers, writes, health, live),
        keys=keys,
        store=store,
        rate=rate,
        observation=observed,
        answers=answers,
    )
    shows = _shows(metrics, observed, repository, answers, guards)
    lifespan = _lifespan(
        settings,
        held=[scale, rosetta, storage, repository, readers, store, rate, keys],
        running=[repository.listen, live.run, partial(sample, shows, metrics.loop_lag.observe)],
        ending=[observed.tracing.close, observed.log.close],
    )
    routes = _routes(settings, schema, observed, live, metrics, shows)
    return Gateway(graphql, observed.drain, observed.load, lifespan=lifespan, routes=routes)


def _context_maker(
    settings: Settings, readers: Readers, writes: TaskWrites, health: HealthLog, live: Live
) -> MakeContext:
    def make_context(caller: Caller, request_id: str, *, no_cache: bool = False) -> Context:
        deadline = asyncio.get_running_loop().time() + settings.request_timeout_s
        return Context(
            caller=caller,
            request_id=request_id,
            writes=writes,
            report=health,
            watch=live.broker,
            # After the loaders': a look-up that is late is one item's outcome, not the end of its whole list.
            deadline=deadline + _LOADERS_FIRST_S,
            no_cache=no_cache,
            **readers.for_operation(deadline, no_cache=no_cache),
        )

    return make_context


class _Held(Protocol):
    """What holds connections, or tasks that run."""

    async def aclose(self) -> None: ...


def _lifespan(
    settings: Settings,
    *,
    held: Sequence[_Held | None],
    running: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    ending: Sequence[Callable[[], object]],
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """While the app serves, all of `running` runs; then it is ended, what is `held` closed, and all of `ending` called,
    the last one first."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as closing:
            for end in ending:
                closing.callback(end)
            for one in held:
                if one is not None:
                    closing.push_async_callback(one.aclose)
            for run in running:
                closing.push_async_callback(_ended, asyncio.create_task(run()))
            _log.info("ready", backends=[backend.name for backend in configured_backends(settings)])
            yield

    return lifespan


def _routes(
    settings: Settings,
    schema: strawberry.Schema,
    observed: Observation,
    live: Live,
    metrics: Metrics,
    shows: Sequence[Show],
) -> list[BaseRoute]:
    """Everything but /graphql."""

    @lru_cache(maxsize=1)
    def sdl() -> str:
        return build_subgraph_sdl() if settings.federation else schema.as_str()

    async def schema_graphql(request: Request) -> Response:
        return sdl_endpoint(sdl, request, allowed=settings.allows_introspection)

    def exposition() -> bytes:
        # Who scrapes sees what stands now, not what stood at the last sample.
        for show in shows:
            show()
        return metrics.exposition()

    routes: list[BaseRoute] = [
        Route("/schema.graphql", schema_graphql),
        Route("/livez", livez),
        readyz_route(observed.drain, has_backend=bool(configured_backends(settings))),
        *_webhook_routes(settings, live, metrics),
    ]
    if settings.metrics.port is None:
        routes.append(metrics_route(exposition))
    if settings.shows_graphiql:
        routes.append(graphiql_files(example_operations()))
    return routes


def _shows(
    metrics: Metrics,
    observed: Observation,
    repository: TaskRepository,
    answers: KeptAnswers | None,
    guards: Mapping[Backend, Guard],
) -> list[Show]:
    """What is a state, or counted elsewhere, and not told to the metrics as it happens."""

    def guarded() -> None:
        for backend, guard in guards.items():
            metrics.show_circuit(backend, guard.circuit.state)
            metrics.show_retries(backend, guard.retries, guard.retries_left)

    def cached() -> None:
        kept = {} if answers is None else {"kept": answers.hits}
        metrics.show_reads({**repository.counts.found, **kept}, repository.counts.coalesced)
        metrics.show_cache(*repository.cached)

    def under_way() -> None:
        metrics.in_flight.set(observed.load.in_flight)
        metrics.show_loop_tasks(len(asyncio.all_tasks()))

    return [under_way, guarded, cached]


@asynccontextmanager
async def task_lister(settings: Settings) -> AsyncIterator[TaskLister]:
    """The list of tasks for one long walk, which keeps next to nothing of what it has passed."""
    guards = backend_guards(settings, time.monotonic, asyncio.sleep)
    health = HealthLog(
        configured_backends(settings), {backend: guard.circuit for backend, guard in guards.items()}, utc_now
    )
    scale, rosetta = backend_clients(settings, health, guards=guards)
    backends: dict[Backend, TaskBackend] = {Backend.SCALE: scale, Backend.ROSETTA: rosetta}
    cache = TaskCache(_freshness(settings), _PASSING_TASKS, time.monotonic, settings.cache.max_bytes)
    repository = TaskRepository(cache, backends, scale, now=utc_now, trouble=health)
    readers = _readers(settings, repository, scale, rosetta, utc_now, time.monotonic)
    async with AsyncExitStack() as closing:
        for one in (scale, rosetta, repository, readers):
            closing.push_async_callback(one.aclose)
        yield readers.for_operation(_NO_DEADLINE)["lists"]


def _freshness(settings: Settings) -> Freshness:
    kept = settings.freshness
    return Freshness(
        open_s=kept.open_s,
        settled_s=kept.settled_s,
        canceled_s=kept.canceled_s,
        absent_s=kept.absent_s,
        stale_if_error_s=kept.stale_if_error_s,
    )


def _readers(
    settings: Settings,
    repository: TaskRepository,
    scale: ScaleClient | UnconfiguredBackend,
    rosetta: RosettaClient | UnconfiguredBackend,
    now: Callable[[], datetime],
    clock: Callable[[], float],
) -> Readers:
    clients = Clients(scale, rosetta, settings.scale.timeout_s, settings.rosetta.timeout_s)
    keys = SceneKeys(*settings.link.scene_keys)
    return Readers(repository, clients, keys, fresh_s=settings.freshness.open_s, clock=clock, now=now)


def _storage(settings: Settings, clock: Callable[[], float], metrics: Metrics) -> Storage | None:
    url, prefix = settings.cache.redis_url, f"task-gateway:{FORM_VERSION}:"
    return None if url is None else RedisStorage(url, prefix, now=clock, failed=metrics.count_cache_failure)


def _replicas(
    settings: Settings,
    backends: Mapping[Backend, TaskBackend],
    now: Callable[[], datetime],
    clock: Callable[[], float],
    metrics: Metrics,
) -> Replicas:
    url = settings.cache.redis_url
    if url is None:
        return Alone()
    # Who asks another account must not be told of this one's tasks, nor wait for this one's watch.
    accounts = hashlib.sha256(repr(sorted(backend_accounts(settings).items(), key=str)).encode()).hexdigest()[:16]
    prefix = f"task-gateway:{FORM_VERSION}:{accounts}:"
    return RedisReplicas(url, prefix, backends, now=now, clock=clock, failed=metrics.count_cache_failure)


def _webhook_routes(settings: Settings, live: Live, metrics: Metrics) -> list[Route]:
    secret = settings.scale.callback_secret
    webhooks: list[Webhook] = [] if secret is None else [ScaleWebhook(secret.get_secret_value())]
    max_bytes = settings.limits.body_bytes
    return [
        webhook_route(
            WebhookEndpoint(webhook, live.inbox.take, metrics.count_callback, max_bytes=max_bytes), webhook.path
        )
        for webhook in webhooks
    ]


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
