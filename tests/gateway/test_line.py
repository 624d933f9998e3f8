"""Who waits while more comes than can be answered, in which order they go, and who is refused."""

import asyncio

import pytest

from gateway.line import Line
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


class Requests:
    """Requests that each take some time, all of it the event loop's."""

    def __init__(self, clock: FakeClock, takes_s: float) -> None:
        self.line = Line(clock)
        self.outcomes: list[tuple[int, bool]] = []
        self._clock = clock
        self._takes_s = takes_s

    async def one(self, number: int, most: int = 100) -> None:
        may_go = self.line.is_open() or await self.line.turn(most)
        self.outcomes.append((number, may_go))
        if may_go:
            self._clock.seconds += self._takes_s

    async def many(self, count: int, most: int = 100) -> None:
        await asyncio.gather(*(self.one(number, most) for number in range(count)))


async def test_few_requests_do_not_wait() -> None:
    """What is answered in one stretch begins at once, in the event loop's same turn."""
    requests = Requests(FakeClock(), 0.001)
    tasks = [asyncio.create_task(requests.one(number)) for number in range(3)]

    await asyncio.sleep(0)

    assert requests.outcomes == [(0, True), (1, True), (2, True)]
    await asyncio.gather(*tasks)


async def test_sockets_are_looked_at_in_between() -> None:
    """Of many requests that came at once each goes in its order, and after every few the event loop has a turn."""
    requests, turns = Requests(FakeClock(), 0.003), 0
    running = asyncio.create_task(requests.many(20))

    while not running.done():
        turns += 1
        await asyncio.sleep(0)

    assert requests.outcomes == [(number, True) for number in range(20)]
    assert turns > 10


async def test_the_newest_goes_first_when_there_are_too_many() -> None:
    """Of ten that wait where four may, the oldest six are refused, and the newest is answered first."""
    requests = Requests(FakeClock(), 0.01)
    requests.line.crowd()

    await requests.many(10, most=4)

    refused = [number for number, may_go in requests.outcomes if not may_go]
    answered = [number for number, may_go in requests.outcomes if may_go]
    assert refused == [0, 1, 2, 3, 4, 5]
    assert answered == [9, 8, 7, 6]


async def test_whoever_waited_a_tenth_of_a_second_is_refused() -> None:
    """While there are too many nobody waits long: with 60 ms for each, the third of three is told no."""
    requests = Requests(FakeClock(), 0.06)
    requests.line.crowd()

    await requests.many(3)

    assert requests.outcomes == [(2, True), (1, True), (0, False)]


async def test_a_second_without_a_refusal_ends_it() -> None:
    """There are too many until nobody has been refused for a second."""
    clock = FakeClock()
    requests = Requests(clock, 0.001)
    requests.line.crowd()
    clock.seconds += 0.9
    before = requests.line.is_crowded
    clock.seconds += 0.2

    assert (before, requests.line.is_crowded) == (True, False)


async def test_who_leaves_the_line_is_not_waited_for() -> None:
    """A request that is cancelled while it waits, and one cancelled just as its turn has come, harm no other."""
    requests = Requests(FakeClock(), 0.001)
    requests.line.crowd()
    tasks = [asyncio.create_task(requests.one(number)) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[2].cancel()

    await asyncio.wait(tasks)

    assert requests.outcomes == [(0, True)]
    assert len(requests.line) == 0
