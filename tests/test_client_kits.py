"""Both client kits as their users run them: generated, persisted, against a gateway that runs nothing else."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_MOVING, DEMO_PENDING, DEMO_STARTED
from tests.examples.conftest import in_both_languages
from tests.gateway.live_world import LiveWorld, live_world

ROOT = Path(__file__).parents[1]
SCENE = {
    "rosetta": {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": DEMO_SCENE},
}
pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.timeout(600)]


@dataclass
class Kit:
    """A kit, installed and generated: its manifest, how its service is started, and how its types are checked."""

    folder: Path
    manifest: Path
    service: Sequence[str]
    check: Sequence[str]


def _copied(name: str, folder: Path) -> Path:
    """The kit and the schema it is generated from, laid out as in the repository."""
    ignored = shutil.ignore_patterns("node_modules", "gateway_client", "manifest.json", "__pycache__", ".venv")
    shutil.copytree(ROOT / "examples" / name, folder / "examples" / name, ignore=ignored)
    (folder / "schema").mkdir()
    shutil.copy(ROOT / "schema" / "schema.graphql", folder / "schema")
    return folder / "examples" / name


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def _python(folder: Path) -> Kit:
    folder = _copied("python-service", folder)
    python = str(folder / ".venv" / "bin" / "python")
    _run(sys.executable, "-m", "venv", ".venv", folder=folder)
    _run(python, "-m", "pip", "install", "-q", "-r", "requirements.txt", folder=folder)
    _run(str(folder / ".venv" / "bin" / "ariadne-codegen"), folder=folder)
    manifest = folder / "manifest.json"
    manifest.write_text(_run(python, "persisted.py", folder=folder))
    check = "from reactions import OF_DATA, ErrorCode; assert set(OF_DATA) == set(ErrorCode)"
    return Kit(folder, manifest, (python, "service.py"), (python, "-c", check))


def _typescript(folder: Path) -> Kit:
    folder = _copied("typescript-service", folder)
    _run("npm", "ci", "--ignore-scripts", folder=folder)
    _run("npm", "run", "generate", folder=folder)
    manifest = folder / "gateway_client" / "persisted-documents.json"
    return Kit(folder, manifest, (str(folder / "node_modules/.bin/tsx"), "service.ts"), ("npm", "run", "check"))


@pytest.fixture(scope="module", params=in_both_languages(_python, _typescript))
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Each kit, installed from its lock into a folder of its own."""
    made: Kit = request.param(tmp_path_factory.mktemp("kit"))
    return made


class Service:
    """A kit's service, started on `names`; its lines as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, kit: Kit, url: str, names: dict[str, list[Any]]) -> "Service":
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *kit.service, url, cwd=kit.folder, stdin=pipe, stdout=pipe, stderr=pipe
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(names).encode())
        process.stdin.close()
        return cls(process)

    async def lines(self, count: int) -> list[tuple[str, int, str, str | None]]:
        """The next lines: step, index, outcome, reaction."""
        assert self._process.stdout is not None
        async with asyncio.timeout(120):
            told = [json.loads(await self._process.stdout.readline()) for _ in range(count)]
        return [(line["step"], line["index"], line["outcome"], line["then"]) for line in told]

    async def end(self) -> tuple[int, str, str]:
        """Exit code, what is left of the output, and what was said on standard error."""
        async with asyncio.timeout(120):
            output, said = await self._process.communicate()
        return self._process.returncode or 0, output.decode(), said.decode()


def test_every_error_code_has_its_reaction(kit: Kit) -> None:
    """A code of the schema that a kit knows no reaction to is noticed."""
    _run(*kit.check, folder=kit.folder)


async def test_a_hundred_tasks_each_with_its_outcome(kit: Kit) -> None:
    """What is there, absent, badly named, refused or down is told for each, and only what is down is asked again."""
    async with live_world(GATEWAY_TRUSTED_DOCUMENTS=str(kit.manifest)) as gateway:
        store = gateway.sandbox.scale.store
        odd = {DEMO_PENDING, DEMO_COMPLETED, DEMO_MOVING, DEMO_STARTED}
        ids = [row.task_id for row in store.tasks() if row.task_id not in odd][:95]
        down, refused = DEMO_PENDING, DEMO_STARTED
        gateway.sandbox.scale.faults.add(Fault(kind="status", status=503, path=f".*/{down}$"))
        gateway.sandbox.scale.faults.add(Fault(kind="status", status=401, path=f".*/{refused}$"))
        names: list[Any] = [{"scaleTaskId": task_id} for task_id in [*ids, "unknown", "a/b", refused, down]]
        service = await Service.start(kit, gateway.url, {"look_up": [*names, SCENE], "cancel": [], "wait_for": []})
        told = sorted(await service.lines(100), key=lambda line: line[1])
        ended = await service.end()

    assert [line[1] for line in told] == list(range(100))
    assert {line[3] for line in told[:95]} == {None}
    assert [line[2:] for line in told[95:]] == [
        ("NOT_FOUND", "DROP"),
        ("BAD_USER_INPUT", "FIX"),
        ("BACKEND_REFUSED", "OPERATOR"),
        ("STILL_UNAVAILABLE", "WAIT"),
        ("IN_REVIEW", None),
    ]
    assert ended == (0, "", "")


async def test_bulk_cancel_then_wait(kit: Kit) -> None:
    """Of three tasks one is cancelled and two are refused for their own reasons; completion is told when it happens."""
    names: dict[str, list[Any]] = {
        "look_up": [],
        "cancel": [{"scaleTaskId": DEMO_PENDING}, {"scaleTaskId": DEMO_STARTED}, SCENE],
        "wait_for": [{"scaleTaskId": DEMO_COMPLETED}, {"scaleTaskId": DEMO_STARTED}],
    }
    async with live_world(GATEWAY_TRUSTED_DOCUMENTS=str(kit.manifest)) as gateway:
        service = await Service.start(kit, gateway.url, names)
        told = await service.lines(5)
        await gateway.complete(DEMO_STARTED)
        told += await service.lines(1)
        ended = await service.end()

    assert told == [
        ("cancel", 0, "CANCELED", None),
        ("cancel", 1, "NOT_ALLOWED_NOW", "LOOK"),
        ("look_up", 0, "PENDING", None),
        ("cancel", 2, "NOT_SUPPORTED", "DROP"),
        ("wait_for", 0, "COMPLETED", None),
        ("wait_for", 1, "COMPLETED", None),
    ]
    assert ended == (0, "", "")


async def test_nothing_else_runs(kit: Kit, tmp_path: Path) -> None:
    """Any other document is refused with 403; without its own operations in the manifest the service says so."""
    foreign = tmp_path / "manifest.json"
    foreign.write_text('{"a": "{ backends { backend } }"}')

    async with live_world(GATEWAY_TRUSTED_DOCUMENTS=str(kit.manifest)) as gateway, httpx.AsyncClient() as client:
        other = await client.post(gateway.url, json={"query": "{ backends { backend } }"})
    async with live_world(GATEWAY_TRUSTED_DOCUMENTS=str(foreign)) as gateway:
        code, output, said = await _refused(kit, gateway)

    assert other.status_code == 403
    assert other.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert (code, output) == (1, "")
    assert said.startswith("PERSISTED_QUERY_NOT_FOUND: ")


async def _refused(kit: Kit, gateway: LiveWorld) -> tuple[int, str, str]:
    names: dict[str, list[Any]] = {"look_up": [SCENE], "cancel": [], "wait_for": []}
    return await (await Service.start(kit, gateway.url, names)).end()
