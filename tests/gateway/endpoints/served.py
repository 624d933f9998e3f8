"""The gateway behind a real uvicorn, over both emulators or over a small schema of the test's own."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

import httpx
import strawberry

from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox, create_demo_app
from gateway.endpoints.gateway import Gateway
from gateway.events import Broker
from gateway.execution.deadline import bound_fields
from gateway.metrics import Metrics
from gateway.sandbox.clock import SandboxClock
from gateway.server import DrainingServer, server_config
from gateway.settings import Settings
from gateway.stalled_clients import STALLED_S
from gateway.wiring import caller_rate, document_store, graphql_endpoint, issuer_keys, observation
from schema import scopes
from schema.changes import Change
from schema.context import Caller, Context, Info
from schema.creation import MultistageCreation
from schema.errors import GatewayError, bad_input
from schema.health import BackendHealth
from schema.references import Reference, Selector
from schema.task import Task
from tests.fakes import fake_readers


class NoBackends:
    """Loads nothing, writes nothing and has seen nobody."""

    async def load(self, selector: Selector) -> Task | None:
        return None

    async def load_many(self, selectors: Sequence[Selector]) -> Sequence[Task | GatewayError | None]:
        return [await self.load(selector) for selector in selectors]

    async def load_view_url(self, reference: Reference) -> str | None:
        return None

    def prime(self, task: Task) -> None:
        return None

    async def write(self, selector: Selector, change: Change) -> NoReturn:
        raise NotImplementedError

    async def write_all(self, selectors: Sequence[Selector | GatewayError], change: Change) -> NoReturn:
        raise NotImplementedError

    async def create(self, creation: MultistageCreation) -> NoReturn:
        raise NotImplementedError

    def backends(self) -> list[BackendHealth]:
        return []


@dataclass
class Served:
    """A running server's origin, and what stands behind it."""

    origin: str
    sandbox: DemoSandbox | None = None
    server: DrainingServer | None = None

    @property
    def url(self) -> str:
        return f"{self.origin}/graphql"

    @property
    def socket_url(self) -> str:
        return self.url.replace("http:", "ws:")

    def post(self, query: str | None, headers: Mapping[str, str] | None = None, **body: object) -> httpx.Response:
        """One operation over POST."""
        return httpx.post(
            self.url, json={"query": query, **body}, headers=dict(headers or {}), trust_env=False, timeout=30
        )

    def calls(self) -> int:
        """How many requests both emulators have seen."""
        assert self.sandbox is not None
        return len(self.sandbox.scale.faults.recorder) + len(self.sandbox.rosetta.faults.recorder)


@contextmanager
def served_gateway(**environment: str) -> Iterator[Served]:
    """The demo's gateway; `environment` adds to its settings, an empty value takes one away."""
    settings = Settings.from_env({**DEMO_ENVIRONMENT, "GATEWAY_DRAIN_S": "1", **environment})
    sandbox = DemoSandbox(SandboxClock.manual())
    with _served(create_demo_app(settings, sandbox), settings) as (origin, server):
        yield Served(origin, sandbox, server)


@contextmanager
def served_schema(schema: strawberry.Schema, *, stalled_s: float = STALLED_S, **environment: str) -> Iterator[Served]:
    """Our endpoint over another schema, guarded like ours."""
    settings = Settings.from_env({**DEMO_ENVIRONMENT, "GATEWAY_DRAIN_S": "1", **environment})
    scopes.guard_root_fields(schema)
    bound_fields(schema._schema)

    def make_context(caller: Caller, request_id: str, *, no_cache: bool = False) -> Context:
        deadline = asyncio.get_running_loop().time() + settings.request_timeout_s
        return Context(
            caller,
            request_id,
            NoBackends(),
            NoBackends(),
            NoBackends(),
            Broker(lambda: datetime.now(UTC)),
            deadline=deadline,
            no_cache=no_cache,
            **fake_readers(),
        )

    metrics = Metrics()
    observed = observation(settings, metrics)
    endpoint = graphql_endpoint(
        settings,
        schema,
        make_context,
        keys=issuer_keys(settings),
        store=document_store(settings, metrics),
        rate=caller_rate(settings, metrics),
        observation=observed,
    )
    with _served(Gateway(endpoint, observed.drain, observed.load), settings, stalled_s) as (origin, server):
        yield Served(origin, server=server)


@contextmanager
def _served(app: Gateway, settings: Settings, stalled_s: float = STALLED_S) -> Iterator[tuple[str, DrainingServer]]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = server_config(app, "127.0.0.1", 0, settings)
    config.stalled_s = stalled_s
    server = DrainingServer(config, app, settings.drain_s)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            # A real server has no other way to tell another thread that it listens.
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@strawberry.type
class _Query:
    @strawberry.field
    async def slow(self, info: Info, seconds: float) -> str | None:
        await asyncio.sleep(seconds)
        return "done"

    @strawberry.field
    def quick(self, info: Info) -> str:
        return "done"

    @strawberry.field
    def broken(self, info: Info) -> str | None:
        raise RuntimeError("planted-secret-in-an-exception")

    @strawberry.field
    def refused(self, info: Info) -> str | None:
        raise bad_input("a sentence for clients")


@strawberry.type
class _Mutation:
    @strawberry.mutation
    async def write(self, info: Info, seconds: float = 0) -> str | None:
        await asyncio.sleep(seconds)
        written.append(info.context.request_id)
        return "written"


@strawberry.type
class _Subscription:
    @strawberry.subscription
    async def count(self, info: Info, to: int = 3) -> AsyncIterator[int]:
        open_streams.append("count")
        try:
            for number in range(to):
                yield number
        finally:
            open_streams.remove("count")

    @strawberry.subscription
    async def silence(self, info: Info) -> AsyncIterator[int]:
        open_streams.append("silence")
        try:
            await asyncio.Event().wait()
            yield 0
        finally:
            open_streams.remove("silence")

    @strawberry.subscription
    async def broken(self, info: Info) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("planted-secret-in-an-exception")


# Request ids of finished writes, and subscriptions that have not ended yet.
written: list[str] = []
open_streams: list[str] = []


def small_schema() -> strawberry.Schema:
    """A query that waits, a write, and subscriptions that count, wait for ever, and break."""
    return strawberry.Schema(query=_Query, mutation=_Mutation, subscription=_Subscription)
