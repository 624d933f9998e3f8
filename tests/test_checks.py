"""The checks that every change passes: format, lint, types, layers, locks."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "command",
    ["ruff check", "ruff format --check", "mypy", "lint-imports", "hadolint Dockerfile"],
)
def test_check(command: str) -> None:
    """The tool finds nothing."""
    program, *arguments = command.split()
    done = subprocess.run([TOOLS / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


def tracked(*patterns: str) -> list[Path]:
    """Files of the checkout; a source tree without git has all its files tracked."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.splitlines()]
    return [path for pattern in patterns for path in ROOT.rglob(pattern) if ".venv" not in path.parts]


def test_locks_hold_no_address() -> None:
    """Lock files name versions and hashes, never where a file was downloaded from."""
    locks = tracked("constraints.txt", "requirements.lock", "*package-lock.json", "*.npmrc")

    found = {f"{lock.name}: {line.strip()}" for lock in locks for line in _locked(lock) if "://" in line}

    assert {lock.name for lock in locks} >= {"constraints.txt", "requirements.lock", "package-lock.json"}
    assert found == set()


def _locked(lock: Path) -> list[str]:
    """The lines of a lock, without the pages where npm's authors ask for money: no address of a package."""
    if lock.name != "package-lock.json":
        return lock.read_text().splitlines()
    whole = json.loads(lock.read_text())
    for package in whole["packages"].values():
        package.pop("funding", None)
    return json.dumps(whole, indent=2).splitlines()


def test_requirements_are_hashed() -> None:
    """Each requirement of the image carries hashes."""
    text = (ROOT / "requirements.lock").read_text()
    requirements = re.findall(r"(?m)^[A-Za-z0-9][^\n]*(?:\n    --hash[^\n]*)*", text)

    assert len(requirements) > 20
    assert [line for line in requirements if "--hash=sha256:" not in line] == []
