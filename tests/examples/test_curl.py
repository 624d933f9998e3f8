"""The shell script, run as it is against a demo."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.examples.conftest import copied, run
from tests.processes.running import Running


def _answers(output: str) -> dict[str, dict[str, Any]]:
    """What was answered, by the title above it."""
    lines = output.splitlines()
    return {
        title.removeprefix("== "): json.loads(answer) for title, answer in zip(lines[::2], lines[1::2], strict=True)
    }


def test_every_operation_is_answered(demo: Running, tmp_path: Path) -> None:
    """Each operation of the script is answered without an error of the request, and shows what its title says."""
    folder = copied("curl", tmp_path)

    answers = _answers(run("bash", "tasks.sh", f"{demo.origin}/graphql", folder=folder))

    assert [title for title, answer in answers.items() if "errors" in answer] == []
    one, rosetta, many, listed, progress, change, told = (answer["data"] for answer in answers.values())
    assert (one["task"]["status"], rosetta["task"]["status"]) == ("COMPLETED", "IN_REVIEW")
    assert [item.get("code") for item in many["lookupTasks"]] == [None, None, "NOT_FOUND", "BAD_USER_INPUT"]
    assert {task["backend"] for task in listed["tasks"]["nodes"]} == {"ROSETTA", "SCALE"}
    assert [failure["code"] for failure in listed["tasks"]["failures"]] == ["BACKEND_UNAVAILABLE"]
    assert 0 < progress["annotationRequest"]["completedPercent"] < 100
    assert [error["__typename"] for error in change["cancelTask"]["errors"]] == ["ActionNotAllowedError"]
    assert told["taskChanged"]["task"]["status"] in {"PENDING", "COMPLETED"}


def test_a_refusal_is_a_failure(demo: Running, tmp_path: Path) -> None:
    """Where nobody answers as a gateway does, the script ends with curl's exit code and not with zero."""
    folder = copied("curl", tmp_path)
    command = ["bash", "tasks.sh", f"{demo.origin}/nothing"]

    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 22
