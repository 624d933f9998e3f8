"""The programs that wait for completion: installed in a clean folder, run against real servers."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE
from gateway.sandbox.scale.seed import DEMO_CANCELED, DEMO_COMPLETED, DEMO_PENDING
from tests.examples.conftest import copied, in_both_languages, run
from tests.gateway.live_world import LiveWorld, live_world
from tests.processes.running import Running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

SCENE = f"{DEMO_CAMPAIGN},{DEMO_REQUEST},{DEMO_SCENE}"


@dataclass(frozen=True)
class Program:
    """An installed example: where it is, and how it is started."""

    folder: Path
    command: Sequence[str]


def _python(folder: Path) -> Program:
    folder = copied("python", folder)
    run(sys.executable, "-m", "venv", ".venv", folder=folder)
    python = str(folder / ".venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "-q", "-r", "requirements.txt", folder=folder)
    return Program(folder, (python, "wait.py"))


def _typescript(folder: Path) -> Program:
    folder = copied("typescript", folder)
    run("npm", "ci", "--ignore-scripts", "--silent", folder=folder)
    run("npm", "run", "check", "--silent", folder=folder)
    return Program(folder, (str(folder / "node_modules" / ".bin" / "tsx"), "wait.ts"))


@pytest.fixture(scope="module", params=in_both_languages(_python, _typescript))
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Each program, installed from its lock into a folder of its own; the TypeScript one fits its types."""
    made: Program = request.param(tmp_path_factory.mktemp("wait"))
    return made


async def _told(output: asyncio.StreamReader, count: int) -> list[str]:
    async with asyncio.timeout(120):
        return [(await output.readline()).decode().strip() for _ in range(count)]


async def _wait_with(program: Program, gateway: LiveWorld, last_status: int) -> tuple[list[str], int | None]:
    """Runs the program while a task of each backend comes to its end. Returns its lines and its exit code."""
    process = await asyncio.create_subprocess_exec(
        *program.command,
        gateway.socket_url,
        DEMO_PENDING,
        SCENE,
        cwd=program.folder,
        stdout=asyncio.subprocess.PIPE,
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


@pytest.mark.parametrize(("native", "status", "code"), [(11, "COMPLETED", 0), (0, "FAILED", 1)])
async def test_waits_for_completion(program: Program, native: int, status: str, code: int) -> None:
    """The program tells each change as it comes and ends when all tasks are settled, well or not."""
    async with live_world(GATEWAY_WATCH__MIN_S="0.2") as gateway:
        lines, returned = await _wait_with(program, gateway, native)

    assert lines == [
        f"{DEMO_PENDING}: - -> PENDING",
        f"{SCENE}: - -> IN_REVIEW",
        f"{DEMO_PENDING}: PENDING -> COMPLETED",
        f"{SCENE}: IN_REVIEW -> {status}",
    ]
    assert returned == code


def test_against_the_demo(program: Program, demo: Running) -> None:
    """What is settled already ends the program at once, with an exit code that says how."""
    url = f"ws://127.0.0.1:{demo.port}/graphql"

    well, badly = [
        subprocess.run([*program.command, url, task], cwd=program.folder, capture_output=True, text=True, check=False)
        for task in (DEMO_COMPLETED, DEMO_CANCELED)
    ]

    assert (well.stdout, well.returncode) == (f"{DEMO_COMPLETED}: - -> COMPLETED\n", 0)
    assert (badly.stdout, badly.returncode) == (f"{DEMO_CANCELED}: - -> CANCELED\n", 1)
