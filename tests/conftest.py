"""What many tests stand on, and which of them need a program that a machine may lack."""

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.virtual_time import VirtualTimeLoop

# Marker -> the program its tests start.
PROGRAMS = {"redis": "redis-server", "chromium": "chromium", "node": "npm", "installs": "python3"}
_DESELECTED = pytest.StashKey[list[str]]()


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, Mapping[str, Any]]:
    """Tests of coroutines run on asyncio, the loop the gateway runs on; those marked so, in virtual time."""
    virtual = request.node.get_closest_marker("virtual_time") is not None
    return "asyncio", {"loop_factory": VirtualTimeLoop} if virtual else {}


def _needs(item: pytest.Item) -> Iterator[str]:
    return (marker for marker in PROGRAMS if item.get_closest_marker(marker))


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without CI=true the tests that need such a program are left out, and listed at the end."""
    if not os.environ.get("GATEWAY_LIVE_TESTS"):
        _leave_out(config, items, [item for item in items if item.get_closest_marker("live")])
    if not _in_ci():
        _leave_out(config, items, [item for item in items if any(_needs(item))])


def _leave_out(config: pytest.Config, items: list[pytest.Item], unwanted: list[pytest.Item]) -> None:
    if unwanted:
        config.stash.setdefault(_DESELECTED, []).extend(item.nodeid for item in unwanted)
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if item not in unwanted]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """With CI=true a missing program fails its tests instead of hiding them."""
    for marker in _needs(item):
        if shutil.which(PROGRAMS[marker]) is None:
            pytest.fail(f"this test needs the program {PROGRAMS[marker]}, which this machine lacks")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Names what was left out, so that nothing is skipped quietly."""
    left_out = config.stash.get(_DESELECTED, [])
    if left_out:
        terminalreporter.section(
            "left out: need Redis, Chromium, Node, packages of their own (CI=true runs them) or real accounts"
        )
        for name in left_out:
            terminalreporter.write_line(name)
