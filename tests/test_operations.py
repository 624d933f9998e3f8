"""Scenarios: each folder of tests/operations holds a document and its answer, for readers as much as for tests.

query.graphql      the document
variables.json     its variables, if any
expected.json      the whole answer; "…" stands for a value that moves
scenario.json      if any: `faults` of each backend before the document runs, `options` of Scale's emulator,
                   `environment` of the gateway, and `calls`: what Scale is sent, "METHOD path", in order
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.faults import Fault
from tests.gateway.world import world
from tests.gateway.writing.account import SmallSandbox
from tests.matching import matches

pytestmark = pytest.mark.anyio

SCENARIOS = sorted(path.parent for path in (Path(__file__).parent / "operations").glob("*/query.graphql"))


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
async def test_scenario(folder: Path) -> None:
    """The document gets its answer, and the backend the calls that stand beside it."""
    scenario = _read(folder, "scenario.json")
    sandbox = SmallSandbox(**scenario.get("options", {}))
    for backend, faults in scenario.get("faults", {}).items():
        for fault in faults:
            getattr(sandbox, backend).faults.add(Fault(**fault))
    async with world(sandbox, **scenario.get("environment", {})) as gateway:
        answer = await gateway.answer((folder / "query.graphql").read_text(), **_read(folder, "variables.json"))

    expected = _read(folder, "expected.json")
    assert matches(expected, answer), json.dumps(answer, indent=2, ensure_ascii=False)
    if "calls" in scenario:
        sent = [f"{it.method} {it.path}" for it in sandbox.scale.faults.recorder]
        assert sent == scenario["calls"]


def test_every_error_type_has_a_scenario() -> None:
    """Each type of error that a mutation can answer stands in some expected answer, and so does success."""
    texts = [(folder / "expected.json").read_text() for folder in SCENARIOS]
    types = [
        "BadInputError",
        "TaskNotFoundError",
        "ActionNotSupportedError",
        "ActionNotAllowedError",
        "UniqueIdConflictError",
        "IdempotencyConflictError",
        "BackendError",
    ]

    assert [name for name in types if not any(f'"{name}"' in text for text in texts)] == []
    assert any('"errors": []' in text for text in texts)
