"""One emulated Scale account and a client for it, as the tests of the emulator use them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale import ScaleOptions, ScaleSandbox
from gateway.sandbox.scale.callbacks import Deliver

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MULTISTAGE = {
    "project": "road",
    "attachments": ["s3://bucket/scene.sfs"],
    "scene_format": "sensor_fusion",
}


def make_sandbox(api_key: str = "live_key", deliver: Deliver | None = None, **options: Any) -> ScaleSandbox:
    """An account at noon with one project, one batch, and no tasks."""
    sandbox = ScaleSandbox(SandboxClock.manual(NOON), api_key=api_key, options=ScaleOptions(**options), deliver=deliver)
    sandbox.store.add_project("road", type="multistage")
    sandbox.store.add_batch("road 1", "road")
    return sandbox


@asynccontextmanager
async def client_of(sandbox: ScaleSandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client that authenticates as documented: key as user name, empty password."""
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://scale/v1", auth=(sandbox.api_key, "")) as client:
        yield client
