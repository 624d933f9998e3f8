"""Where examples run: copied out of the repository, beside a demo that is a process of its own."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.running.processes import free_port
from tests.processes.running import Running, started

EXAMPLES = Path(__file__).parents[2] / "examples"
_INSTALLED = ("node_modules", "dist", ".venv", "__pycache__")


def copied(name: str, folder: Path) -> Path:
    """A copy of an example, as it is in a fresh checkout, in `folder`."""
    return Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns(*_INSTALLED)))


def run(*command: str, folder: Path, timeout_s: float = 240) -> str:
    """Runs a program to its good end and returns its output."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout_s)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def in_both_languages(python: object, typescript: object) -> Sequence[pytest.ParameterSet]:
    """Parameters of a fixture: what installs the Python program, and what installs the one in TypeScript."""
    return (
        pytest.param(python, id="python", marks=pytest.mark.installs),
        pytest.param(typescript, id="typescript", marks=pytest.mark.node),
    )


@pytest.fixture(scope="package")
def page_port() -> int:
    """Where the page will be served from: the demo has to know the page's origin beforehand."""
    return free_port()


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory, page_port: int) -> Iterator[Running]:
    """`task-gateway demo`, which lets the page of another origin ask."""
    port = free_port()
    log = tmp_path_factory.mktemp("demo") / "demo.log"
    ready = f"http://127.0.0.1:{port}/readyz"
    origins = f"http://127.0.0.1:{page_port}"
    with started(log, port, ready, "demo", "--port", str(port), GATEWAY_CORS_ORIGINS=origins) as running:
        yield running
