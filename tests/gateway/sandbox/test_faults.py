"""Faults in front of an emulator, in process and behind a socket."""

import asyncio
import random

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.sandbox.faults import Fault, FaultKind, Faults
from tests.gateway.sandbox.served import served

pytestmark = pytest.mark.anyio

ANSWER = b'{"answer":"' + b"x" * 1000 + b'"}'


class Backend:
    """Counts what it executes and always answers the same."""

    def __init__(self) -> None:
        self.executed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.executed += 1
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(ANSWER)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ANSWER})


def in_process(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend")


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "body", "executed"),
    [
        (Fault("status", status=429, retry_after=3), 429, "application/json", b'{"error": "Fault injected: 429"}', 0),
        (Fault("status", body=b"busy", content_type="text/plain"), 503, "text/plain", b"busy", 0),
        (Fault("html", body=b"<p>"), 502, "text/html; charset=utf-8", b"<p>", 0),
        (Fault("status_after", status=500, body=b"{}"), 500, "application/json", b"{}", 1),
        (Fault("plain_ok"), 200, "text/plain; charset=utf-8", b"OK", 1),
        (Fault("malformed"), 200, "application/json", b'["unexpected"]', 0),
        (Fault("half"), 200, "application/json", ANSWER[: len(ANSWER) // 2], 1),
    ],
)
async def test_replaced_answers(fault: Fault, status: int, content_type: str, body: bytes, executed: int) -> None:
    """Each kind answers as its table says, and executes the request or does not."""
    backend, faults = Backend(), Faults()
    faults.add(fault)
    async with in_process(faults.wrap(backend)) as client:
        response = await client.post("/x", json={})

    assert (response.status_code, response.headers["content-type"]) == (status, content_type)
    assert response.content == body
    assert response.headers.get("retry-after") == (None if fault.retry_after is None else str(fault.retry_after))
    assert backend.executed == executed


async def test_oversized_is_valid_json_over_20_mb() -> None:
    """More than 20 MB arrive, and they are JSON."""
    faults = Faults()
    faults.add(Fault("oversized"))
    async with in_process(faults.wrap(Backend())) as client:
        response = await client.get("/x")

    assert len(response.content) > 20 * 1024 * 1024
    assert set(response.json()) == {"padding"}


@pytest.mark.parametrize(("kind", "executed"), [("drop", 0), ("drop_after", 1)])
async def test_drop_in_process_is_an_httpx_error(kind: FaultKind, executed: int) -> None:
    """The client meets the exception that a closed connection would give it."""
    backend, faults = Backend(), Faults()
    faults.add(Fault(kind))
    async with in_process(faults.wrap(backend)) as client:
        with pytest.raises(httpx.RemoteProtocolError) as raised:
            await client.get("/x")

    assert isinstance(raised.value, ConnectionResetError)
    assert backend.executed == executed


@pytest.mark.parametrize(("kind", "executed_while_waiting"), [("slow", 0), ("slow_after", 1)])
async def test_slow_waits_before_or_after_executing(kind: FaultKind, executed_while_waiting: int) -> None:
    """The wait is the fault's seconds, on one side of the execution or the other; latency comes on top."""
    backend = Backend()
    waits: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        waits.append((seconds, backend.executed))

    faults = Faults(sleep=sleep)
    faults.latency_s = 0.5
    faults.add(Fault(kind, seconds=7))
    async with in_process(faults.wrap(backend)) as client:
        response = await client.get("/x")

    assert response.content == ANSWER
    assert waits == [(0.5, 0), (7, executed_while_waiting)]


async def test_hang_lasts_until_the_client_goes() -> None:
    """Nothing is answered or executed, and cancelling the client ends it."""
    backend, faults = Backend(), Faults()
    faults.add(Fault("hang"))
    async with in_process(faults.wrap(backend)) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get("/x"), 0.05)

    assert backend.executed == 0


async def test_faults_choose_by_method_path_and_times() -> None:
    """The first armed fault that fits is played, as often as it says; clear disarms the rest."""
    faults = Faults()
    faults.add(Fault("status", status=418, method="post", path=r"/a%2Fb$", times=2))
    faults.add(Fault("status", status=500, path="^/always"))
    async with in_process(faults.wrap(Backend())) as client:
        statuses = [(await client.post("/a%2Fb")).status_code for _ in range(3)]
        others = [(await client.request(*each)).status_code for each in (("GET", "/a%2Fb"), ("POST", "/a/b"))]
        always = [(await client.get("/always/on")).status_code for _ in range(3)]
        faults.clear()
        cleared = (await client.get("/always/on")).status_code

    assert (statuses, others, always, cleared) == ([418, 418, 200], [200, 200], [500] * 3, 200)


async def test_probability_comes_from_the_given_chance() -> None:
    """The same chance gives the same faults, about as many as asked for."""
    runs = []
    for _ in range(2):
        faults = Faults(rng=random.Random(4))
        faults.add(Fault("status", status=500, probability=0.3))
        async with in_process(faults.wrap(Backend())) as client:
            runs.append([(await client.get("/x")).status_code for _ in range(100)])

    assert runs[0] == runs[1]
    assert 15 < runs[0].count(500) < 45


async def test_recorder_keeps_what_was_sent() -> None:
    """Path and query as sent, headers in lower case, the body; also for requests that a fault took."""
    faults = Faults()
    faults.add(Fault("status", times=1))
    async with in_process(faults.wrap(Backend())) as client:
        await client.put("/v1/a%20b%2Fc?x=%20y", content=b"body", headers={"X-Key": "secret"})
        await client.get("/v1/other")
    seen = faults.recorder[0]

    assert (seen.method, seen.path, seen.query, seen.body) == ("PUT", "/v1/a%20b%2Fc", "x=%20y", b"body")
    assert seen.headers["x-key"] == "secret"
    assert "secret" not in repr(seen)
    assert (len(faults.recorder), faults.recorder.count("GET"), faults.recorder.count(path="^/v1/")) == (2, 1, 2)
    faults.recorder.clear()
    assert faults.recorder.count() == 0


async def test_over_a_socket(capfd: pytest.CaptureFixture[str]) -> None:
    """A drop closes the connection, half an answer ends before its length, a hang ends with the client."""
    backend, faults = Backend(), Faults()
    for kind in ("drop", "half", "drop_after", "hang"):
        faults.add(Fault(kind, times=1))
    with served(faults.wrap(backend)) as origin:
        async with httpx.AsyncClient() as client:
            for _ in range(3):
                with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                    await client.get(origin)
            with pytest.raises(httpx.ReadTimeout):
                await client.get(origin, timeout=0.1)
            healthy = await client.get(origin)

    assert healthy.content == ANSWER
    assert backend.executed == 3
    assert "ERROR" not in capfd.readouterr().err


async def test_query_chooses_the_requests() -> None:
    """A fault of one query leaves the others alone, whatever their path."""
    faults = Faults()
    faults.add(Fault("status", query=r"(^|&)id=a($|&)"))
    async with in_process(faults.wrap(Backend())) as client:
        answers = [await client.get(target) for target in ("/x?id=a", "/y?n=1&id=a", "/x?id=ab", "/x?n=id=a", "/x")]

    assert [answer.status_code for answer in answers] == [503, 503, 200, 200, 200]
