"""How tasks of the emulated Rosetta move by themselves."""

import asyncio
import contextlib
import itertools

import pytest

from gateway.sandbox.rosetta.lifecycle import FORWARD, SIDEWAYS, path_to, usual_action
from gateway.sandbox.rosetta.records import Pace
from gateway.sandbox.rosetta.vocabulary import POOL_OF_STATUS, Action
from tests.gateway.sandbox.rosetta_client import Rosetta, small_rosetta

pytestmark = pytest.mark.anyio


def life(backend: Rosetta, steps: int) -> list[int]:
    """The statuses that a restless task goes through, one step every ten seconds."""
    store = backend.sandbox.store
    store.set_pace("r", "s0", Pace(10, 10, restless=True))
    statuses = [int(store.task("r", "s0").status)]
    for _ in range(steps):
        backend.clock.advance(10)
        backend.sandbox.step()
        statuses.append(int(store.task("r", "s0").status))
    return statuses


def test_a_life_leads_forward_and_sometimes_back() -> None:
    """Every change is one of the moves allowed from the state before, and some lead backwards."""
    statuses = life(small_rosetta(scenes=1), 400)
    allowed = {(status, move.status) for status, move in FORWARD.items()}
    allowed |= {(status, move.status) for status, moves in SIDEWAYS.items() for move in moves}
    changes = list(itertools.pairwise(statuses))

    assert set(changes) <= allowed | {(16, 8), (17, 8)}
    assert set(statuses) >= {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 16}
    assert {(11, 8), (16, 8)} & set(changes)
    assert any(after < before for before, after in changes)


def test_the_same_calls_make_the_same_life() -> None:
    """Two sandboxes driven alike show the same statuses and the same history."""
    first, second = small_rosetta(scenes=1), small_rosetta(scenes=1)

    assert life(first, 100) == life(second, 100)
    assert first.sandbox.store.task("r", "s0") == second.sandbox.store.task("r", "s0")


def test_a_task_without_pace_rests() -> None:
    """The lifecycle leaves a task alone until it has a pace, and again when the pace is taken away."""
    backend = small_rosetta(scenes=1)
    backend.clock.advance(1000)
    still = backend.sandbox.step()
    backend.sandbox.store.set_pace("r", "s0", Pace(10, 10))
    backend.clock.advance(10)
    moved = backend.sandbox.step()
    backend.sandbox.store.set_pace("r", "s0", None)
    backend.clock.advance(1000)

    assert (len(still), len(moved), backend.sandbox.step()) == (0, 1, [])


def test_a_task_comes_to_rest_at_the_end() -> None:
    """A task that is not restless stops when there is no way forward."""
    backend = small_rosetta(scenes=1)
    store = backend.sandbox.store
    store.set_status("r", "s0", 16)
    store.set_pace("r", "s0", Pace(10, 10))
    backend.clock.advance(10)

    assert backend.sandbox.step() == []
    assert store.task("r", "s0").moves_at is None


def test_a_late_step_moves_a_task_once() -> None:
    """However far the clock went, one step is one move, and the task then rests for its pace."""
    backend = small_rosetta(scenes=1)
    backend.sandbox.store.set_pace("r", "s0", Pace(10, 10))
    backend.clock.advance(3600)
    moved = [len(backend.sandbox.step()), len(backend.sandbox.step())]
    backend.clock.advance(10)
    moved.append(len(backend.sandbox.step()))

    assert moved == [1, 0, 1]


def test_moving_keeps_pool_and_history_in_line() -> None:
    """The pool goes with the status, and each move that somebody makes is written down."""
    backend = small_rosetta(scenes=1)
    life(backend, 60)
    task = backend.sandbox.store.task("r", "s0")

    assert all(record.pool == POOL_OF_STATUS[record.status] for record in task.history)
    assert task.history[0].action is Action.INITIALIZATION
    assert [record.at for record in task.history] == sorted(record.at for record in task.history)


@pytest.mark.parametrize("status", [1, 2, 11, 16, 17, 7, 12, 14, 99, 0])
def test_there_is_a_path_to_every_status(status: int) -> None:
    """A path ends at the status asked for; a failed conversion does not pass through a successful one."""
    path = [1, *(move.status for move in path_to(status))]

    assert path[-1] == status
    assert not {16, 17} <= set(path)


@pytest.mark.parametrize(("status", "action"), [(1, 0), (2, 5), (4, 7), (8, 8), (10, 9), (11, None), (99, None)])
def test_a_status_has_a_usual_action(status: int, action: int | None) -> None:
    """The action that leads forward to a status, where somebody acts."""
    assert usual_action(status) == action


async def test_running_steps_as_the_clock_moves() -> None:
    """`run` imports and moves until it is cancelled."""
    backend = small_rosetta(scenes=1)
    backend.sandbox.store.set_pace("r", "s0", Pace(1, 1))
    running = asyncio.create_task(backend.sandbox.run())
    for _ in range(4):
        await asyncio.sleep(0)
        backend.clock.advance(1)
        await asyncio.sleep(0)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    assert running.cancelled()
    assert backend.sandbox.store.task("r", "s0").status > 1


def test_taken_ids_are_refused_by_the_store() -> None:
    """A test that adds the same campaign or annotation request twice is told so."""
    store = small_rosetta().sandbox.store

    with pytest.raises(ValueError, match="taken"):
        store.add_campaign("c")
    with pytest.raises(ValueError, match="taken"):
        store.add_annotation_request("other", "c", ["x"], name="r")
