"""What is written is true: commands, settings, examples, error codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.backends.rosetta.statuses import task_status as rosetta_status
from gateway.backends.scale.vocabulary import STATUS_WORDS
from gateway.backends.scale.vocabulary import task_status as scale_status
from gateway.demo import DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.settings import variable_names
from schema.errors import ErrorCode
from schema.status import TaskStatus
from tests.gateway.world import world
from tests.matching import matches

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

PAGES = sorted(page for page in ROOT.rglob("*.md") if not {".venv", "node_modules"} & set(page.parts))

# A query and, below it, its answer; "…" in an answer stands for a value that moves.
_EXAMPLE = re.compile(r"```graphql\n(.*?)```\s+```json\n(.*?)```", re.DOTALL)
EXAMPLES = [
    pytest.param(*found, id=re.findall(r"\w+", found[0])[1])
    for page in (ROOT / "README.md", ROOT / "examples" / "queries.md")
    for found in _EXAMPLE.findall(page.read_text())
]


@pytest.mark.anyio
@pytest.mark.parametrize(("query", "answer"), EXAMPLES)
async def test_readme_example(query: str, answer: str) -> None:
    """Each query of the README and of the examples' page gets the answer below it, from the demo's data."""
    async with world(DemoSandbox(SandboxClock.manual())) as gateway:
        data = await gateway.data(query)

    assert matches(json.loads(answer)["data"], data), json.dumps(data, indent=2, ensure_ascii=False)


def test_readme_has_examples() -> None:
    """At least three queries stand there with their answers."""
    assert len(_EXAMPLE.findall(README)) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links(page: Path) -> None:
    """What a page points at within the project is there: files, folders, pictures and headings."""
    targets = re.findall(r"\]\(([^)\s]+)\)|(?m:^\[.+\]: (\S+)$)", page.read_text())
    inside = [inline or below for inline, below in targets if "://" not in (inline or below)]

    assert [target for target in inside if not _exists(page, target)] == []


def _exists(page: Path, target: str) -> bool:
    path, _, heading = target.partition("#")
    pointed_at = page.parent / path if path else page
    if not heading:
        return pointed_at.exists()
    headings = re.findall(r"(?m)^#+ (.+)$", pointed_at.read_text())
    return heading in {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}


def test_status_table() -> None:
    """The README's table of statuses is what becomes of every number and word of the vendors."""
    numbers: dict[int, str] = {}
    words: dict[str, str] = {}
    names = "|".join(TaskStatus.__members__)
    for status, rosetta, scale in re.findall(rf"(?m)^\| `({names})` \|(.*)\|(.*)\|$", README):
        numbers |= {int(number): status for number in re.findall(r"\d+", rosetta)}
        words |= dict.fromkeys(re.findall(r"`(\w+)`", scale), status)

    for number in range(-1, 40):
        assert rosetta_status(str(number))[0].name == numbers.get(number, "UNKNOWN"), number
    assert {word: scale_status(word)[0].name for word in words} == words
    assert set(words) == set(STATUS_WORDS.values())


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
