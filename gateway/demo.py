"""The whole gateway with both backends emulated in this process: no credentials, no network."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.backends.transport import in_process
from gateway.endpoints.gateway import Gateway
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta import RosettaSandbox
from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_MOVING_SCENE, DEMO_REQUEST, seed_rosetta
from gateway.sandbox.scale import ScaleSandbox
from gateway.sandbox.scale.callbacks import httpx_deliver
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_MOVING, seed_scale
from gateway.settings import Settings
from schema.backend import Backend

# Made up: they open nothing but the sandbox. A test key would make every created task complete at once.
SCALE_KEY = "live_sandbox_key"
ROSETTA_ACCESS_KEY = "sandbox-access-key"
ROSETTA_SECRET_KEY = "sandbox-secret-key"  # noqa: S105  made up

CALLBACK_SECRET = "sandbox-callback-secret"  # noqa: S105  made up

DEMO_ENVIRONMENT: Mapping[str, str] = {
    "GATEWAY_PROFILE": "explore",
    "GATEWAY_AUTH__ANONYMOUS": "read+write",
    "GATEWAY_SCALE__API_KEY": SCALE_KEY,
    "GATEWAY_SCALE__BASE_URL": "http://scale.sandbox/v1",
    "GATEWAY_SCALE__CALLBACK_SECRET": CALLBACK_SECRET,
    # Callbacks and attachments may name a server on this machine.
    "GATEWAY_SCALE__ALLOWED_HOSTS": "*,localhost,127.0.0.1,::1",
    "GATEWAY_ROSETTA__BASE_URL": "http://rosetta.sandbox/rosetta-open",
    "GATEWAY_ROSETTA__ACCESS_KEY": ROSETTA_ACCESS_KEY,
    "GATEWAY_ROSETTA__SECRET_KEY": ROSETTA_SECRET_KEY,
}

DEMO_QUERIES = (
    f'{{ task(by: {{scaleTaskId: "{DEMO_MOVING}"}}) {{ status backendStatus {{ value }} updatedAt }} }}',
    f'{{ task(by: {{rosetta: {{campaignId: "{DEMO_CAMPAIGN}", annotationRequestId: "{DEMO_REQUEST}", '
    f'sceneId: "{DEMO_MOVING_SCENE}"}}}}) {{ status backendStatus {{ value label pool }} viewUrl }} }}',
    f'{{ lookupTasks(by: [{{scaleTaskId: "{DEMO_COMPLETED}"}}, {{scaleTaskId: "unknown"}}]) '
    "{ __typename ... on Task { id status type } ... on TaskError { code message } } }",
)


# Nothing listens there: the emulator delivers in process.
_CALLBACK_URL = "http://gateway.sandbox/webhooks/scale"


class DemoSandbox:
    """Both emulators, seeded, with scenes of Rosetta that have their counterpart in Scale.

    `scale_tasks` is how many tasks Scale has besides these counterparts and the few with names of their own.
    """

    def __init__(self, clock: SandboxClock, scale_tasks: int = 2000) -> None:
        options = ScaleOptions(default_callback_url=_CALLBACK_URL)
        self.scale = ScaleSandbox(clock, api_key=SCALE_KEY, callback_auth_key=CALLBACK_SECRET, options=options)
        self.rosetta = RosettaSandbox(clock, access_key=ROSETTA_ACCESS_KEY, secret_key=ROSETTA_SECRET_KEY)
        seed_scale(self.scale, links=seed_rosetta(self.rosetta), size=scale_tasks)

    async def run(self) -> None:
        """Moves the tasks along until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.scale.run())
            group.create_task(self.rosetta.run())


@asynccontextmanager
async def callbacks(sandbox: DemoSandbox, app: ASGIApp) -> AsyncIterator[None]:
    """Inside, all of Scale's callbacks reach `app`, in process: also those of tasks with a URL of their own."""
    async with httpx.AsyncClient(transport=in_process(app)) as client:
        post = httpx_deliver(client)

        async def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
            return await post(_CALLBACK_URL, headers, body)

        sandbox.scale.callbacks.deliver = deliver
        try:
            yield
        finally:
            sandbox.scale.callbacks.deliver = None


def create_demo_app(settings: Settings, sandbox: DemoSandbox) -> Gateway:
    """The gateway over `sandbox`, whose tasks move while the app runs."""
    wires = {Backend.SCALE: in_process(sandbox.scale.app), Backend.ROSETTA: in_process(sandbox.rosetta.app)}
    app = create_app(settings, wires=wires)
    gateway_lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with gateway_lifespan(app), callbacks(sandbox, app):
            moving = asyncio.create_task(sandbox.run())
            try:
                yield
            finally:
                moving.cancel()
                await asyncio.wait([moving])

    app.router.lifespan_context = lifespan
    return app
