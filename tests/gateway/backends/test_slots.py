"""Slots: so many at once, the others in turn."""

import asyncio

import pytest

from gateway.backends.slots import Slots

pytestmark = pytest.mark.anyio


async def waiting_for(slots: Slots, count: int) -> "list[asyncio.Task[None]]":
    tasks = [asyncio.create_task(slots.wait()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_no_more_than_there_are() -> None:
    """A slot is taken while one is free, and again when it is given back."""
    slots = Slots(2)

    assert [slots.take() for _ in range(3)] == [True, True, False]
    slots.give_back()
    assert [slots.take() for _ in range(2)] == [True, False]


async def test_served_in_turn() -> None:
    """A slot that is given back goes to whoever waits longest, and nobody can take it in between."""
    slots = Slots(1)
    slots.take()
    first, second = await waiting_for(slots, 2)

    slots.give_back()

    assert not slots.take()
    await first
    assert not second.done()
    slots.give_back()
    await second


async def test_who_goes_away_is_passed_over() -> None:
    """Whoever stopped waiting neither holds a slot nor keeps the next from it."""
    slots = Slots(1)
    slots.take()
    gone, next_one = await waiting_for(slots, 2)

    gone.cancel()
    slots.give_back()
    await next_one
    slots.give_back()

    assert slots.take()
    assert gone.cancelled()


@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
async def test_who_goes_away_before_the_task_begins(error: type[BaseException]) -> None:
    """A wait that was begun outside of its task may end in that task's first step: it hands on no slot."""
    slots = Slots(1)
    slots.take()
    (next_one,) = await waiting_for(slots, 1)
    gone = slots.wait()
    gone.send(None)

    with pytest.raises(error):
        gone.throw(error())
    await asyncio.sleep(0)

    assert not next_one.done()
    slots.give_back()
    await next_one
    slots.give_back()
    assert slots.take()


async def test_cancelled_with_the_slot_in_hand() -> None:
    """A slot that was handed to someone who is cancelled before noticing goes to the next."""
    slots = Slots(1)
    slots.take()
    gone, next_one = await waiting_for(slots, 2)

    slots.give_back()
    gone.cancel()
    await asyncio.wait({gone, next_one}, timeout=5)

    assert gone.cancelled()
    assert next_one.done()
    assert not slots.take()
    slots.give_back()
    assert slots.take()
