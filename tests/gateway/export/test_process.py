"""The export as a process: little memory, interrupted and gone on with, without a gap or a repeat."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo import SCALE_KEY
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale import ScaleSandbox
from gateway.sandbox.scale.seed import seed_scale
from tests.browser.server import serving

ROOT = Path(__file__).parents[3]
# 100000 takes minutes on a small machine, most of them the emulator's.
SIZE = int(os.environ.get("EXPORT_TEST_TASKS", "5000"))
MAX_RESIDENT_KB = 150_000
pytestmark = pytest.mark.timeout(120 + SIZE // 50)


@pytest.fixture(scope="module")
def scale() -> ScaleSandbox:
    """An account of Scale with many tasks, which stand still."""
    sandbox = ScaleSandbox(SandboxClock.manual(), api_key=SCALE_KEY)
    seed_scale(sandbox, links=[], size=SIZE)
    return sandbox


@pytest.fixture(scope="module")
def environment(scale: ScaleSandbox) -> Iterator[dict[str, str]]:
    """The environment of a process that reads that account."""
    with serving(scale.app) as origin:
        ours = {"GATEWAY_SCALE__API_KEY": SCALE_KEY, "GATEWAY_SCALE__BASE_URL": f"{origin}/v1"}
        yield {**{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}, **ours}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", "export", "--filter", '{"backendIn": ["SCALE"]}', *arguments]


def _ids(path: Path) -> list[str]:
    return [json.loads(line)["scaleTaskId"] for line in path.read_bytes().splitlines()]


def _wanted(scale: ScaleSandbox) -> set[str]:
    return {row.task_id for row in scale.store.tasks()}


def test_interrupted_and_gone_on_with(scale: ScaleSandbox, environment: dict[str, str], tmp_path: Path) -> None:
    """Two interruptions later every task stands in the file once, and the process was never large."""
    path = tmp_path / "tasks.ndjson"
    cursor: list[str] = []
    peak_kb = 0
    for share in (0.2, 0.6, None):
        arguments = _command("--output", str(path), *(("--after", cursor[-1]) if cursor else ()))
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        peak_kb = max(peak_kb, _watch(process, path, None if share is None else SIZE * share))
        said = process.communicate()[1]
        if share is None:
            assert process.returncode == 0, said
        else:
            assert process.returncode == 1, said
            cursor += re.findall(r"go on with --after (\S+)$", said.strip())

    assert len(cursor) == 2
    ids = _ids(path)
    assert len(ids) == len(set(ids))
    assert set(ids) == _wanted(scale)
    assert peak_kb < MAX_RESIDENT_KB


def _watch(process: "subprocess.Popen[str]", path: Path, interrupt_at: float | None) -> int:
    """Interrupts the process once the file has so many lines; its largest resident size, in kB."""
    peak_kb = 0
    while process.poll() is None:
        peak_kb = max(peak_kb, _resident_kb(process.pid))
        if interrupt_at is not None and path.exists() and path.read_bytes().count(b"\n") >= interrupt_at:
            process.send_signal(signal.SIGINT)
            interrupt_at = None
        time.sleep(0.05)
    return peak_kb


def _resident_kb(pid: int) -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:  # it has just ended
        return 0
    return int(found[1]) if found else 0


def test_csv_into_a_pipe(environment: dict[str, str]) -> None:
    """Standard output gets the lines alone; what there is to tell goes to standard error."""
    filter = '{"backendIn": ["SCALE"], "statusIn": ["COMPLETED"]}'
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "export", "--filter", filter, "--format", "csv"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert {row["status"] for row in rows} == {"COMPLETED"}
    assert done.stderr == f"{len(rows)} tasks written\n"


def test_a_reader_that_goes_away(environment: dict[str, str]) -> None:
    """A pipe that nobody reads ends the export with the cursor behind what was written whole."""
    process = subprocess.Popen(
        _command(), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()

    assert process.wait() == 1
    assert "cannot write: Broken pipe" in said
    assert "go on with --after " in said or "nothing written" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--filter", '{"x": 1}'], "unknown field 'x'"),
        (["--after", "nonsense"], "cursor"),
        (["--after", "-nonsense"], "cursor"),
        (["--format", "xml"], "invalid choice"),
    ],
)
def test_wrong_usage(environment: dict[str, str], arguments: list[str], words: str) -> None:
    """Exit code 2, and what is wrong on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "export", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_a_backend_without_credentials(environment: dict[str, str]) -> None:
    """Where the filter leaves it in its tasks are missing: exit code 1, and what to do on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "export"],
        cwd=ROOT,
        env={**environment, "GATEWAY_SCALE__API_KEY": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "SCALE BACKEND_NOT_CONFIGURED: SCALE has no credentials" in done.stderr
    assert '"backendIn" in --filter' in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_not_there(environment: dict[str, str], tmp_path: Path) -> None:
    """Exit code 1 where the file cannot be written."""
    done = subprocess.run(
        _command("--output", str(tmp_path / "none" / "tasks")),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "--output: No such file or directory" in done.stderr
