"""With GATEWAY_EXECUTION=graphql-core everything that plans answer is answered as before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What asks queries of the whole gateway; mutations and subscriptions are graphql-core's in any case.
ASKING = (
    "tests/test_operations.py",
    "tests/gateway/test_operations.py",
    "tests/gateway/test_stale.py",
    "tests/gateway/test_hierarchy.py",
    "tests/gateway/test_batches.py",
    "tests/gateway/test_entities.py",
    "tests/gateway/listing",
)


@pytest.mark.timeout(600)
def test_the_same_tests_pass_without_plans() -> None:
    """Every test that asks queries of the whole gateway passes with graphql-core alone."""
    environment = {**os.environ, "GATEWAY_TEST_EXECUTION": "graphql-core"}

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *ASKING],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-4000:]
    assert " passed" in run.stdout
