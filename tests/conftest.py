"""What many tests stand on, which of them need what a machine may lack, and how workers share them."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.alone import Turns
from tests.execution import answer_as_asked_for
from tests.virtual_time import VirtualTimeLoop

# Marker -> the program its tests start.
PROGRAMS = {"redis": "redis-server", "chromium": "chromium", "node": "npm", "installs": "python3", "root": "setpriv"}
_LEFT_OUT = pytest.StashKey[list[str]]()
_FOLDER = pytest.StashKey["TemporaryDirectory[str]"]()
_TURNS = pytest.StashKey[Turns]()


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, Mapping[str, Any]]:
    """Tests of coroutines run on asyncio, the loop the gateway runs on; those marked so, in virtual time."""
    virtual = request.node.get_closest_marker("virtual_time") is not None
    return "asyncio", {"loop_factory": VirtualTimeLoop} if virtual else {}


# Patience

_WAITS_FOR_REDIS_S = (
    "gateway.fail_open._ANSWERS_WITHIN_S",
    "gateway.redis_replicas._CALL_S",
    "gateway.redis_storage._ABANDONED_S",
    "gateway.redis_storage._CLAIM_S",
    "gateway.redis_storage._FIND_S",
    "gateway.redis_storage._WRITE_S",
)


@pytest.fixture(autouse=True)
def _patience_with_redis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow moment of this machine is no failure of Redis, but where a test judges how long it is waited for."""
    if request.node.get_closest_marker("redis") and not request.node.get_closest_marker("redis_limits"):
        for name in _WAITS_FOR_REDIS_S:
            monkeypatch.setattr(name, 10.0)


# Needs


def _needs(item: pytest.Item) -> Iterator[str]:
    return (marker for marker in PROGRAMS if item.get_closest_marker(marker))


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("true", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without CI=true the tests that need such a thing are left out, and listed at the end.

    The long ones begin first; those that want the machine to themselves come when the others are done.
    """
    if not os.environ.get("GATEWAY_LIVE_TESTS"):
        _leave_out(config, items, [item for item in items if item.get_closest_marker("live")])
    if not _in_ci():
        _leave_out(config, items, [item for item in items if any(_needs(item))])
    items.sort(key=lambda item: (_is_alone(item), item.get_closest_marker("long") is None))


def _leave_out(config: pytest.Config, items: list[pytest.Item], unwanted: list[pytest.Item]) -> None:
    if unwanted:
        config.stash.setdefault(_LEFT_OUT, []).extend(item.nodeid for item in unwanted)
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if item not in unwanted]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """With CI=true a missing program fails its tests instead of hiding them."""
    for marker in _needs(item):
        if shutil.which(PROGRAMS[marker]) is None:
            pytest.fail(f"this test needs the program {PROGRAMS[marker]}, which this machine lacks")
        if marker == "root" and os.getuid() != 0:
            pytest.fail("this test needs to be root, to become another user")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Names what was left out, so that nothing is skipped quietly."""
    left_out = config.stash.get(_LEFT_OUT, [])
    if left_out:
        terminalreporter.section(
            "left out: need Redis, Chromium, Node, packages of their own, root (CI=true runs them) or real accounts"
        )
        for name in left_out:
            terminalreporter.write_line(name)


# Workers (pytest -n)


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def pytest_configure(config: pytest.Config) -> None:
    """Queries are answered as was asked for. A worker takes turns with the others of its run."""
    answer_as_asked_for()
    if folder := getattr(config, "workerinput", {}).get("turns"):
        config.stash[_TURNS] = Turns(Path(folder))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker that is about to start where the turns are taken."""
    config: pytest.Config = node.config
    if _FOLDER not in config.stash:
        config.stash[_FOLDER] = TemporaryDirectory(prefix="task-gateway-turns-")
        config.add_cleanup(config.stash[_FOLDER].cleanup)
    node.workerinput["turns"] = config.stash[_FOLDER].name


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Waits for the test's turn before its timeout begins."""
    turns = item.config.stash.get(_TURNS, None)
    turn: AbstractContextManager[None] = turns.turn(alone=_is_alone(item)) if turns else nullcontext()
    with turn:
        return (yield)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(_LEFT_OUT, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hears what a worker left out: all leave out the same. One that crashed says nothing."""
    if hasattr(node, "workeroutput"):
        node.config.stash[_LEFT_OUT] = node.workeroutput["left_out"]
