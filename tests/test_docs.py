"""What is written is true: commands, settings, examples, error codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.settings import variable_names
from schema.errors import ErrorCode
from tests.gateway.world import world
from tests.matching import matches

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

# A query and, below it, its answer; "…" in an answer stands for a value that moves.
EXAMPLES = re.findall(r"```graphql\n(.*?)```\s+```json\n(.*?)```", README, re.DOTALL)


@pytest.mark.anyio
@pytest.mark.parametrize(("query", "answer"), EXAMPLES)
async def test_readme_example(query: str, answer: str) -> None:
    """Each query of the README gets the answer below it, from the demo's data."""
    async with world() as gateway:
        data = await gateway.data(query)

    assert matches(json.loads(answer)["data"], data), json.dumps(data, indent=2, ensure_ascii=False)


def test_readme_has_examples() -> None:
    """At least three queries stand there with their answers."""
    assert len(EXAMPLES) >= 3


def test_settings_table() -> None:
    """The settings table names every variable, and none that there is not."""
    documented = set()
    for row in re.findall(r"(?m)^\| (`GATEWAY_.*?) \|", README):
        documented |= {name for cell in re.findall(r"`(GATEWAY_\w+)`", row) for name in _spelt_out(cell)}

    assert documented == set(variable_names())


def _spelt_out(name: str) -> set[str]:
    return {name.replace("GATEWAY_BACKEND_", f"GATEWAY_{backend}_") for backend in ("SCALE", "ROSETTA")}


def test_error_codes() -> None:
    """Each error code has its place in the overview in schema/errors.py."""
    overview = (ROOT / "schema" / "errors.py").read_text().split('"""')[1]

    assert [code.name for code in ErrorCode if code.name not in overview] == []


@pytest.mark.parametrize("command", ["demo", "serve", "sandbox", "schema", "check", "export"])
def test_commands(command: str) -> None:
    """Each command is in the README and explains itself."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )

    assert done.returncode == 0, done.stderr
    assert f"task-gateway {command}" in README
