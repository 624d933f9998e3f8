"""The example programs wait for completion, as their users run them, against a real server."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE
from gateway.sandbox.scale.seed import DEMO_PENDING
from tests.gateway.live_world import LiveWorld, live_world

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

EXAMPLES = Path(__file__).parents[1] / "examples"
SCENE = f"{DEMO_CAMPAIGN},{DEMO_REQUEST},{DEMO_SCENE}"
PYTHON = (sys.executable, "wait.py")
TYPESCRIPT = ("npx", "tsx", "wait.ts")


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """What package-lock.json names, installed once."""
    stamp = EXAMPLES / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < (EXAMPLES / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent"], cwd=EXAMPLES, check=True, timeout=200)


async def _told(output: asyncio.StreamReader, count: int) -> list[str]:
    async with asyncio.timeout(120):
        return [(await output.readline()).decode().strip() for _ in range(count)]


async def _wait_with(command: Sequence[str], gateway: LiveWorld, last_status: int) -> tuple[list[str], int | None]:
    """Runs the program while a task of each backend comes to its end. Returns its lines and its exit code."""
    process = await asyncio.create_subprocess_exec(
        *command, gateway.socket_url, DEMO_PENDING, SCENE, cwd=EXAMPLES, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        lines = sorted(await _told(process.stdout, 2))
        await gateway.complete(DEMO_PENDING)
        lines += await _told(process.stdout, 1)
        gateway.sandbox.rosetta.store.set_status(DEMO_REQUEST, DEMO_SCENE, last_status)
        lines += await _told(process.stdout, 1)
        async with asyncio.timeout(30):
            return lines, await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    "command", [pytest.param(PYTHON, id="python"), pytest.param(TYPESCRIPT, id="typescript", marks=pytest.mark.node)]
)
@pytest.mark.parametrize(("native", "status", "code"), [(11, "COMPLETED", 0), (0, "FAILED", 1)])
async def test_waits_for_completion(
    command: Sequence[str], native: int, status: str, code: int, request: pytest.FixtureRequest
) -> None:
    """The program tells each change as it comes and ends when all tasks are settled, well or not."""
    if command is TYPESCRIPT:
        request.getfixturevalue("npm_packages")
    async with live_world(GATEWAY_WATCH__MIN_S="0.2") as gateway:
        lines, returned = await _wait_with(command, gateway, native)

    assert lines == [
        f"{DEMO_PENDING}: - -> PENDING",
        f"{SCENE}: - -> IN_REVIEW",
        f"{DEMO_PENDING}: PENDING -> COMPLETED",
        f"{SCENE}: IN_REVIEW -> {status}",
    ]
    assert returned == code


@pytest.mark.node
@pytest.mark.usefixtures("npm_packages")
def test_typescript_types() -> None:
    """The TypeScript example fits its types."""
    done = subprocess.run(["npm", "run", "check"], cwd=EXAMPLES, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
