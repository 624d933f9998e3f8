"""Turns: a burst of work leaves room for everything else."""

import asyncio

import pytest

from gateway.turns import Turns

pytestmark = pytest.mark.anyio


async def test_one_in_each_round() -> None:
    """Of 100 that are ready at once one goes on in each round of the event loop, in the order of asking."""
    turns, rounds = Turns(), 0
    went_on: list[tuple[int, int]] = []

    def count() -> None:
        nonlocal rounds
        rounds += 1
        if len(went_on) < 100:
            asyncio.get_running_loop().call_soon(count)

    async def work(number: int) -> None:
        await turns.take()
        went_on.append((number, rounds))

    asyncio.get_running_loop().call_soon(count)
    await asyncio.gather(*(work(number) for number in range(100)))

    assert [number for number, _ in went_on] == list(range(100))
    assert len({at for _, at in went_on}) == 100


async def test_nobody_waits_alone() -> None:
    """Who is alone goes on at once, in every round anew."""
    turns = Turns()
    for _ in range(3):
        turn = turns.take()
        with pytest.raises(StopIteration):
            turn.send(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_leaves_is_passed_over() -> None:
    """Waiting ones that are cancelled hold up nobody."""
    turns = Turns()
    waiting = [asyncio.create_task(turns.take()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[1:4]:
        task.cancel()

    done, _ = await asyncio.wait(waiting, timeout=5)

    assert [task.cancelled() for task in waiting] == [False, True, True, True, False]
    assert len(done) == 5
