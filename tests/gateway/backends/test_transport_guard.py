"""What the transport makes of its guard: tries, refusals, and whose fault a call's end is."""

import asyncio
from collections.abc import Callable, Mapping

import httpx
import pytest

from gateway.backends.base import NotSentError
from gateway.backends.guard import Guard
from gateway.backends.transport import Answer, BackendTransport, Call, Limits
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.health import CircuitState
from tests.fakes import CountingObserver, FakeClock

pytestmark = pytest.mark.anyio

GET = Call("GET /x", "GET", "/x")
ONCE = Call("POST /x", "POST", "/x", may_repeat=False)


def read(answer: Answer) -> bytes:
    """As the clients do: a status that may pass is a failure that may pass."""
    if answer.status >= 500:
        raise GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down", backend=Backend.SCALE)
    if answer.status == 429:
        code = ErrorCode.BACKEND_RATE_LIMITED
        raise GatewayError(code, "slower", backend=Backend.SCALE, retry_after_s=float(answer.retry_after or 0))
    if answer.status == 404:
        raise GatewayError(ErrorCode.NOT_FOUND, "unknown", backend=Backend.SCALE)
    return answer.body


class Bench:
    """A transport whose wire answers as the test says; no time passes between tries."""

    def __init__(self, *statuses: int, headers: Mapping[str, str] | None = None, **limits: float) -> None:
        self.statuses = list(statuses)
        self.headers = headers or {}
        self.sent = 0
        self.signed = 0
        self.waits_s: list[float] = []
        self.clock = FakeClock()
        self.observer = CountingObserver()
        self.guard = Guard(self.clock, sleep=self._sleep, chance=lambda: 0.5)
        self.hangs = False
        self.transport = BackendTransport(
            Backend.SCALE,
            "http://backend",
            sign=self._sign,
            observer=self.observer,
            limits=Limits(**limits),  # type: ignore[arg-type]  # a concurrency is whole
            wire=httpx.MockTransport(self._answer),
            guard=self.guard,
        )

    async def send(self, call: Call = GET) -> bytes:
        return await self.transport.send(call, read)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, content=b"body", headers=dict(self.headers))

    async def _sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)

    def _sign(self) -> Mapping[str, str]:
        self.signed += 1
        return {}


async def failure_of(sending: Callable[[], "asyncio.Future[bytes]"]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await sending()
    return caught.value


async def test_a_third_try_may_succeed() -> None:
    """Two failures that may pass are followed by a third try, signed anew; each is counted."""
    bench = Bench(503, 500, 200)

    assert await bench.send() == b"body"
    assert (bench.sent, bench.signed) == (3, 3)
    assert bench.waits_s == pytest.approx([0.075, 0.15])
    assert [code for _, _, code in bench.observer.calls] == [ErrorCode.BACKEND_UNAVAILABLE] * 2 + [None]


async def test_no_fourth_try() -> None:
    """After three tries the failure is the answer."""
    bench = Bench(503)

    assert (await failure_of(lambda: asyncio.ensure_future(bench.send()))).code is ErrorCode.BACKEND_UNAVAILABLE
    assert bench.sent == 3


@pytest.mark.parametrize(("statuses", "call"), [((404,), GET), ((503,), ONCE)])
async def test_what_is_not_tried_again(statuses: tuple[int, ...], call: Call) -> None:
    """Neither what will not pass, nor a call that must not happen twice."""
    bench = Bench(*statuses)

    await failure_of(lambda: asyncio.ensure_future(bench.send(call)))

    assert bench.sent == 1


async def test_retry_after_is_heeded() -> None:
    """The backend's own wait is waited, and where it does not fit the deadline the caller hears of it at once."""
    patient = Bench(429, 200, headers={"retry-after": "3"})
    await patient.send()
    hurried = Bench(429, headers={"retry-after": "30"})
    error = await failure_of(lambda: asyncio.ensure_future(hurried.send()))

    assert patient.waits_s == pytest.approx([3.075])
    assert hurried.sent == 1
    assert error.retry_after_s == 30


async def test_an_open_circuit_sends_nothing() -> None:
    """While it is open a call fails at once, and says that it was not sent."""
    bench = Bench(503)
    for _ in range(10):
        await failure_of(lambda: asyncio.ensure_future(bench.send()))
    sent = bench.sent

    error = await failure_of(lambda: asyncio.ensure_future(bench.send()))

    assert isinstance(error, NotSentError)
    assert error.code is ErrorCode.BACKEND_UNAVAILABLE
    assert error.retry_after_s == 10
    assert bench.sent == sent
    assert bench.guard.circuit.state is CircuitState.OPEN


async def test_a_sent_try_outweighs_a_refused_one() -> None:
    """When the circuit opens between two tries, how the sent one failed is the answer, not that none was sent."""
    bench = Bench(503)
    for _ in range(19):
        await failure_of(lambda: asyncio.ensure_future(bench.send(ONCE)))

    error = await failure_of(lambda: asyncio.ensure_future(bench.send()))

    assert not isinstance(error, NotSentError)
    assert bench.sent == 20


async def test_a_hanging_backend_counts() -> None:
    """A call whose time is up is the backend's failure."""
    bench = Bench(200, timeout_s=0.05)
    bench.hangs = True

    errors = [await failure_of(lambda: asyncio.ensure_future(bench.send())) for _ in range(20)]

    assert {error.code for error in errors} == {ErrorCode.BACKEND_TIMEOUT}
    assert [code for _, _, code in bench.observer.calls] == [ErrorCode.BACKEND_TIMEOUT] * 20
    assert bench.guard.circuit.state is CircuitState.OPEN


async def test_a_cancelled_call_does_not_count() -> None:
    """A call whose caller goes away is nobody's failure."""
    bench = Bench(200)
    bench.hangs = True
    for _ in range(30):
        calling = asyncio.create_task(bench.send())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        calling.cancel()
        await asyncio.wait([calling])

    assert bench.sent == 30
    assert bench.observer.calls == []
    assert bench.guard.circuit.state is CircuitState.CLOSED


@pytest.mark.virtual_time
async def test_deadlines_nest() -> None:
    """A deadline around several calls bounds them together."""
    bench = Bench(200, timeout_s=0.1)
    bench.hangs = True
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def send_late() -> None:
        async with bench.transport.deadline():
            await asyncio.sleep(0.06)  # the deadline is the event loop's own
            await bench.send()

    with pytest.raises(GatewayError) as caught:
        await send_late()

    assert caught.value.code is ErrorCode.BACKEND_TIMEOUT
    assert loop.time() - started < 0.16
