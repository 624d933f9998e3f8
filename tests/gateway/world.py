"""The whole gateway over both emulators, in process, on a clock that the test moves."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.backends.transport import in_process
from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox, callbacks
from gateway.sandbox.clock import SandboxClock
from gateway.settings import Settings
from gateway.tracing import Tracing
from schema.backend import Backend

# Several pages of every list, and runs of equal creation times across them; the demo's 2,000 cost a test 0.1 s.
_SCALE_TASKS = 600


@dataclass
class World:
    """A gateway, the emulators behind it, and a client in front of it."""

    sandbox: DemoSandbox
    app: Starlette
    client: httpx.AsyncClient
    waits_s: list[float]
    """How long the gateway would have waited between tries; no time passes in these tests."""

    async def answer(self, query: str, **variables: object) -> dict[str, Any]:
        """The whole answer to an operation."""
        response = await self.client.post("/graphql", json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of an operation that must have no errors."""
        answer = await self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def calls(self) -> tuple[int, int]:
        """How many requests Scale and Rosetta have seen."""
        return len(self.sandbox.scale.faults.recorder), len(self.sandbox.rosetta.faults.recorder)


@asynccontextmanager
async def world(
    sandbox: DemoSandbox | None = None,
    *,
    waits_on_clock: bool = False,
    tracing: Tracing | None = None,
    **environment: str,
) -> AsyncIterator[World]:
    """A running gateway. `environment` adds to the demo's settings; an empty value takes one away.

    With `waits_on_clock` the gateway's waits between tries end only as the test moves the clock.
    """
    sandbox = sandbox or DemoSandbox(SandboxClock.manual(), _SCALE_TASKS)
    env: Mapping[str, str] = {**DEMO_ENVIRONMENT, **environment}
    clock = sandbox.scale.clock
    waits_s: list[float] = []

    async def sleep(seconds: float) -> None:
        waits_s.append(seconds)
        if waits_on_clock:
            await clock.sleep(seconds)

    app = create_app(
        Settings.from_env(env),
        wires={Backend.SCALE: in_process(sandbox.scale.app), Backend.ROSETTA: in_process(sandbox.rosetta.app)},
        now=clock.now,
        clock=lambda: clock.now().timestamp(),
        sleep=sleep,
        pause=clock.sleep,
        tracing=tracing,
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        callbacks(sandbox, app),
        httpx.AsyncClient(transport=transport, base_url="http://gw") as client,
    ):
        yield World(sandbox, app, client, waits_s)
