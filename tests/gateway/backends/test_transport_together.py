"""Calls sent together: one deadline for all of them, an outcome for each."""

import asyncio

import httpx
import pytest

from gateway.backends.base import NotSentError
from gateway.backends.guard import Guard
from gateway.backends.transport import Answer, BackendTransport, Call, Limits
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from tests.fakes import CountingObserver

pytestmark = pytest.mark.anyio


class Bench:
    """A transport whose backend never answers a path that begins with /slow."""

    def __init__(self, timeout_s: float = 0.1) -> None:
        self.observer = CountingObserver()
        self.slow_ones_ended = 0
        self.guard = Guard()
        self.transport = BackendTransport(
            Backend.SCALE,
            "http://backend",
            sign=dict,
            observer=self.observer,
            limits=Limits(timeout_s=timeout_s),
            wire=httpx.MockTransport(self._answer),
            guard=self.guard,
        )

    async def send(self, *paths: str) -> list[bytes | GatewayError]:
        return await self.transport.send_together([(Call("GET", "GET", path), _read) for path in paths])

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/slow"):
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.slow_ones_ended += 1
        return httpx.Response(200, content=request.url.path.encode())


def _read(answer: Answer) -> bytes:
    return answer.body


def _codes(outcomes: list[bytes | GatewayError]) -> list[ErrorCode | bytes]:
    return [outcome.code if isinstance(outcome, GatewayError) else outcome for outcome in outcomes]


async def test_the_deadline_leaves_what_arrived() -> None:
    """When the time is up the slow ones fail, each is counted and its connection left; the others stand."""
    bench = Bench()

    outcomes = await bench.send("/a", "/slow/1", "/b", "/slow/2")

    assert _codes(outcomes) == [b"/a", ErrorCode.BACKEND_TIMEOUT, b"/b", ErrorCode.BACKEND_TIMEOUT]
    assert bench.slow_ones_ended == 2
    assert [code for _, _, code in bench.observer.calls] == [None, None, *[ErrorCode.BACKEND_TIMEOUT] * 2]


async def test_an_earlier_deadline_around_them_holds() -> None:
    """The time of whoever asks is up first: all of it ends with that deadline."""
    bench = Bench(timeout_s=60)
    ends_at = asyncio.get_running_loop().time() + 0.05

    with pytest.raises(GatewayError) as caught:
        async with bench.transport.deadline(ends_at=ends_at):
            await bench.send("/a", "/slow")

    assert caught.value.code is ErrorCode.BACKEND_TIMEOUT
    assert bench.slow_ones_ended == 1


async def test_nothing_is_sent_when_the_time_is_over() -> None:
    """Each outcome says on its own that its call never left."""
    bench = Bench(timeout_s=0)

    first, second = await bench.send("/a", "/b")

    assert isinstance(first, NotSentError)
    assert isinstance(second, NotSentError)
    assert first is not second
    assert bench.observer.calls == []


@pytest.mark.virtual_time
async def test_the_tasks_of_the_caller_are_not_bound_by_it() -> None:
    """The deadline is that of the calls alone: what the caller does next has all its time."""
    bench = Bench(timeout_s=0.05)
    await bench.send("/a")
    await asyncio.sleep(0.06)

    assert _codes(await bench.send("/b")) == [b"/b"]
