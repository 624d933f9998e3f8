"""On its way out the gateway says so, tells listeners, finishes what it has begun, and takes no longer than it may."""

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gateway.demo import CALLBACK_SECRET
from tests.gateway.endpoints.served import Served, served_gateway, served_schema, small_schema
from tests.gateway.world import world

pytestmark = pytest.mark.alone

SLOW = {"query": "{ slow(seconds: 0.6) }"}
SILENCE = "subscription { silence }"


@contextmanager
def small(drain_s: float) -> Iterator[Served]:
    with served_schema(small_schema(), GATEWAY_DRAIN_S=str(drain_s)) as served:
        yield served


def stop(served: Served, number: int = signal.SIGINT) -> None:
    """What a signal does: SIGINT leaves out the time in which everything is still served."""
    assert served.server is not None
    served.server.handle_exit(number, None)


@contextmanager
def listening(served: Served, query: str = SILENCE) -> Iterator[ClientConnection]:
    with connect(served.socket_url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        socket.send('{"type": "connection_init"}')
        assert "connection_ack" in str(socket.recv(timeout=10))
        socket.send('{"type": "subscribe", "id": "a", "payload": {"query": "' + query + '"}}')
        yield socket


def received(socket: ClientConnection) -> tuple[list[str], int]:
    """Every message until the close, and its code."""
    messages: list[str] = []
    with pytest.raises(ConnectionClosed) as closed:
        _take_all(socket, messages)
    assert closed.value.rcvd is not None
    return messages, closed.value.rcvd.code


def _take_all(socket: ClientConnection, messages: list[str]) -> None:
    while True:
        messages.append(str(socket.recv(timeout=10)))


def under_way(served: Served) -> None:
    """Returns when the server has something to do."""
    assert served.server is not None
    while not served.server.server_state.tasks:
        time.sleep(0.01)  # a real server tells nobody


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


def read_all(connection: socket.socket) -> str:
    """What comes until the other side closes."""
    parts = iter(lambda: connection.recv(65536), b"")
    return b"".join(parts).decode()


def in_background(served: Served, ask: Callable[[], httpx.Response]) -> tuple[threading.Thread, list[httpx.Response]]:
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    under_way(served)
    return thread, answers


def test_everything_is_served_while_others_notice() -> None:
    """After SIGTERM the gateway still answers for a quarter of the drain time, and closes each connection."""
    with small(8) as served, httpx.Client(trust_env=False) as client:
        stop(served, signal.SIGTERM)
        answer = client.post(served.url, json={"query": "{ quick }"})

    assert answer.json() == {"data": {"quick": "done"}}
    assert answer.headers["connection"] == "close"


def test_what_was_begun_is_finished() -> None:
    """A query under way when the gateway stops gets its whole answer."""
    with small(4) as served:
        thread, answers = in_background(served, lambda: httpx.post(served.url, json=SLOW, trust_env=False))
        stop(served)
        thread.join()

    assert answers[0].json() == {"data": {"slow": "done"}}


def test_a_listener_is_told() -> None:
    """A subscription gets `complete`, then its socket closes with 1012."""
    with small(4) as served, listening(served) as socket:
        time.sleep(0.2)  # a real server tells nobody what it has begun
        stop(served)
        messages, code = received(socket)

    assert messages == ['{"id":"a","type":"complete"}']
    assert code == 1012


def test_a_query_on_a_socket_is_finished_first() -> None:
    """A socket closes only after the answer to what it asked for."""
    with small(4) as served, listening(served, "{ slow(seconds: 0.6) }") as socket:
        time.sleep(0.2)  # a real server tells nobody what it has begun
        stop(served)
        messages, code = received(socket)

    assert ["done" in message for message in messages] == [True, False]
    assert "complete" in messages[1]
    assert code == 1012


def test_an_event_stream_is_told() -> None:
    """A subscription over server-sent events ends with `complete`."""
    headers = {"accept": "text/event-stream"}
    with small(4) as served:
        thread, answers = in_background(
            served, lambda: httpx.post(served.url, json={"query": SILENCE}, headers=headers, trust_env=False)
        )
        stop(served)
        thread.join()

    assert "event: complete" in answers[0].text


@pytest.mark.parametrize("drain_s", [0, 0.5])
def test_the_drain_time_is_kept(drain_s: float, caplog: pytest.LogCaptureFixture) -> None:
    """What takes longer than the drain time is told 503 and to come again, and the server ends; nothing has failed."""
    with small(drain_s) as served:
        thread, answers = in_background(
            served, lambda: served.post("{ slow(seconds: 10) }", {"x-request-id": "late-1"})
        )
        began_at = time.monotonic()
        stop(served)
    took_s = time.monotonic() - began_at
    thread.join()

    answer = answers[0]
    extensions = answer.json()["errors"][0]["extensions"]
    assert took_s < drain_s + 2
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["connection"]) == (503, "1", "close")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert extensions == {"code": "OVERLOADED", "retryAfterSeconds": 1, "requestId": "late-1"}
    assert errors(caplog) == []


@pytest.mark.parametrize("path", ["/graphql", "/webhooks/scale"])
def test_a_body_that_does_not_come_is_cut_off(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has not said everything when the time is over is told so, wherever the request goes."""
    with served_gateway(GATEWAY_DRAIN_S="0") as served:
        port = int(served.origin.rpartition(":")[2])
        headers = f"content-type: application/json\r\ncontent-length: 9\r\nscale-callback-auth: {CALLBACK_SECRET}"
        head = f"POST {path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n{{"
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head.encode())
            under_way(served)
            stop(served)
            answer = read_all(connection)

    assert answer.startswith("HTTP/1.1 503 ")
    assert '"code":"OVERLOADED"' in answer
    assert errors(caplog) == []


def test_a_stream_that_has_begun_is_cut_off_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has a part of an answer finds the connection ended; nothing has failed."""
    broken: list[httpx.TransportError] = []

    def listen() -> None:
        try:
            served.post("{ slow(seconds: 10) }", {"accept": "text/event-stream"})
        except httpx.TransportError as error:
            broken.append(error)

    with small(0) as served:
        thread = threading.Thread(target=listen)
        thread.start()
        under_way(served)
        time.sleep(0.2)  # a real server tells nobody what it has begun
        stop(served)
    thread.join()

    assert len(broken) == 1
    assert errors(caplog) == []


def test_a_query_on_a_socket_is_cut_off_with_it(caplog: pytest.LogCaptureFixture) -> None:
    """A socket on which something runs when the time is over closes with 1012; nothing has failed."""
    with small(0) as served, listening(served, "{ slow(seconds: 10) }") as socket:
        time.sleep(0.2)  # a real server tells nobody what it has begun
        stop(served)
        messages, code = received(socket)

    assert (messages, code) == ([], 1012)
    assert errors(caplog) == []


@pytest.mark.anyio
async def test_another_cancellation_passes_through() -> None:
    """Only what the drain cuts off is answered: who is cancelled for another reason is cancelled."""
    async with world() as gateway:
        asking = asyncio.create_task(gateway.answer('{ task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { id } }'))
        for _ in range(5):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})

    assert asking.cancelled()


def test_a_second_signal_stops_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks twice does not wait for what is under way, which is told so; nothing has failed."""
    with small(30) as served:
        thread, answers = in_background(served, lambda: served.post("{ slow(seconds: 10) }"))
        began_at = time.monotonic()
        stop(served)
        stop(served)
    took_s = time.monotonic() - began_at
    thread.join()

    assert took_s < 2
    assert served.server is not None
    assert served.server.force_exit
    assert answers[0].status_code == 503
    assert errors(caplog) == []


def test_a_forced_stop_with_nothing_to_cut_off_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """No line of an error or of requests cut off where there were none."""
    with small(30) as served:
        stop(served)
        stop(served)

    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
