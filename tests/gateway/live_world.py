"""The gateway behind a real uvicorn in the test's own event loop, and plain clients of its subscriptions."""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect

from gateway.app import create_app
from gateway.backends.transport import in_process
from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox, callbacks
from gateway.sandbox.clock import SandboxClock
from gateway.server import server_config
from gateway.settings import Settings
from schema.backend import Backend
from tests.waiting import until

CHANGES = """subscription($by: [TaskBy!]!) {
  taskChanged(by: $by) {
    index previousStatus observedAt
    task { status scaleTaskId sceneId updatedAt isStale }
    error { __typename code ... on BadInputError { path } ... on BackendError { backend requestId } }
  }
}"""

PATIENCE_S = 20.0


@dataclass
class LiveWorld:
    """A served gateway over emulators whose tasks move only when the test moves them. Time is real."""

    sandbox: DemoSandbox
    url: str

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    async def complete(self, task_id: str) -> None:
        """Scale's task completes, and Scale says so."""
        self.sandbox.scale.store.complete(task_id)
        await self.sandbox.scale.deliver_callbacks()

    def calls(self) -> int:
        """How many requests both emulators have seen."""
        return len(self.sandbox.scale.faults.recorder) + len(self.sandbox.rosetta.faults.recorder)


@asynccontextmanager
async def live_world(**environment: str) -> AsyncIterator[LiveWorld]:
    """A running gateway; `environment` adds to the demo's settings."""
    sandbox = DemoSandbox(SandboxClock())
    settings = Settings.from_env({**DEMO_ENVIRONMENT, **environment})
    wires = {Backend.SCALE: in_process(sandbox.scale.app), Backend.ROSETTA: in_process(sandbox.rosetta.app)}
    app = create_app(settings, wires=wires)
    async with serving(app, settings) as origin, callbacks(sandbox, app):
        yield LiveWorld(sandbox, f"{origin}/graphql")


@asynccontextmanager
async def serving(app: ASGIApp, settings: Settings | None = None, port: int = 0) -> AsyncIterator[str]:
    """The app behind uvicorn, configured as `task-gateway serve` does, in this event loop."""
    listener = socket.create_server(("127.0.0.1", port))
    config = server_config(app, "127.0.0.1", 0, settings or Settings())
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await until(lambda: server.started, 30)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


class Subscriber:
    """One socket that speaks graphql-transport-ws, plainly enough to misbehave."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = itertools.count()

    async def say(self, **message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def hear(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next message. Raises TimeoutError when none comes, ConnectionClosed when the socket is closed."""
        async with asyncio.timeout(patience_s):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def watch(self, *by: Mapping[str, object], query: str = CHANGES) -> str:
        """Begins to listen; returns the subscription's id."""
        name = str(next(self._ids))
        await self.say(id=name, type="subscribe", payload={"query": query, "variables": {"by": by}})
        return name

    async def change(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next change of any subscription of this socket."""
        message = await self.hear(patience_s)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        change: dict[str, Any] = message["payload"]["data"]["taskChanged"]
        return change


@asynccontextmanager
async def subscriber(url: str) -> AsyncIterator[Subscriber]:
    """A socket that has introduced itself."""
    protocols: Any = ["graphql-transport-ws"]
    async with connect(url, subprotocols=protocols, proxy=None, max_size=None, compression=None) as connection:
        client = Subscriber(connection)
        await client.say(type="connection_init")
        assert (await client.hear())["type"] == "connection_ack"
        yield client


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """Server-sent events: name and data."""
    name = ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value) if value else None


async def until_idle(before: set["asyncio.Task[Any]"], patience_s: float = 10.0) -> None:
    """Returns when no task runs that did not run `before`. Raises AssertionError naming what is left."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + patience_s
    while left := asyncio.all_tasks() - before:
        assert loop.time() < ends_at, left
        await asyncio.sleep(0.02)
