"""With GATEWAY_EXECUTION=graphql-core everything is as it is with plans: the suite passes both ways."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
# What cannot tell the difference. Every other file of tests, a new one too, runs both ways.
LEFT_OUT = {
    "benchmarks": "load and failures for as long as they last: the short forms judge processes, not answers",
    "browser": "GraphiQL's page: what it shows of an answer is the page's own work",
    "clients/test_clients.py": "audits and fuzzing: gateway/execution/plan compares both ways over what is made up",
    "clients/test_relay.py": "Relay's compiler reads the schema and asks nothing",
    "examples/test_wait.py": "programs of clients: what they do with answers is their own work",
    "examples/test_page.py": "an example's page: what it shows of an answer is the page's own work",
    "gateway/backends": "clients of backends: no operation runs",
    "gateway/execution/plan": "compares both ways by itself",
    "gateway/execution/test_responses.py": "it is plans whose answers are kept",
    "gateway/export": "an export reads lists without an operation",
    "gateway/sandbox": "emulators of backends: no operation runs",
    "gateway/test_live.py": "subscriptions, which graphql-core runs in any case",
    "gateway/test_live_replicas.py": "subscriptions, which graphql-core runs in any case",
    "gateway/test_redis_storage.py": "a storage: no operation runs",
    "processes/test_serve.py": "how processes start, share and stop",
    "test_checks.py": "static checks",
    "test_client_kits.py": "kits of clients: what they do with answers is their own work",
    "test_deploy.py": "files for operators; the gateway they start is asked for its health alone",
    "test_docs.py": "documentation",
    "test_graphiql_build.py": "the build of GraphiQL",
    "test_without_plans.py": "this file",
}
PARTS = 3


def _files() -> list[str]:
    """Every file of tests but those left out."""
    left_out = tuple(TESTS / name for name in LEFT_OUT)
    files = [path for path in TESTS.rglob("test_*.py") if "node_modules" not in path.parts]
    return sorted(str(path.relative_to(ROOT)) for path in files if not any(map(path.is_relative_to, left_out)))


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**os.environ, "GATEWAY_TEST_EXECUTION": "graphql-core"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_without_plans(part: int) -> None:
    """Every test passes with graphql-core alone."""
    run = _run("-m", "not alone", *_files()[part::PARTS])

    assert run.returncode == 0, run.stdout[-4000:]


@pytest.mark.alone
@pytest.mark.timeout(900)
def test_without_plans_alone() -> None:
    """So does every test that wants the machine to itself."""
    run = _run("-m", "alone", *_files())

    assert run.returncode == 0, run.stdout[-4000:]


def test_what_is_left_out_is_there() -> None:
    """No name of what runs one way only has outlived its file."""
    assert [name for name in LEFT_OUT if not (TESTS / name).exists()] == []
