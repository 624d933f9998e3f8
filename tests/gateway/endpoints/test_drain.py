"""On its way out the gateway says so, tells listeners, finishes what it has begun, and takes no longer than it may."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.gateway.endpoints.served import Served, served_schema, small_schema

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
        time.sleep(0.2)
        stop(served)
        messages, code = received(socket)

    assert messages == ['{"id":"a","type":"complete"}']
    assert code == 1012


def test_a_query_on_a_socket_is_finished_first() -> None:
    """A socket closes only after the answer to what it asked for."""
    with small(4) as served, listening(served, "{ slow(seconds: 0.6) }") as socket:
        time.sleep(0.2)
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
def test_the_drain_time_is_kept(drain_s: float) -> None:
    """What takes longer than the drain time is cut off, and the server ends."""
    errors: list[Any] = []

    def ask() -> None:
        try:
            httpx.post(served.url, json={"query": "{ slow(seconds: 10) }"}, trust_env=False)
        except httpx.TransportError as error:
            errors.append(error)

    with small(drain_s) as served:
        thread = threading.Thread(target=ask)
        thread.start()
        under_way(served)
        began_at = time.monotonic()
        stop(served)
    thread.join()

    assert time.monotonic() - began_at < drain_s + 2
    assert len(errors) <= 1


def test_a_second_signal_stops_at_once() -> None:
    """Whoever asks twice does not wait for what is under way."""
    with small(30) as served:
        thread, _ = in_background(served, lambda: _ignoring(lambda: httpx.post(served.url, json=SLOW, trust_env=False)))
        began_at = time.monotonic()
        stop(served)
        stop(served)
    took_s = time.monotonic() - began_at
    thread.join()

    assert took_s < 2
    assert served.server is not None
    assert served.server.force_exit


def _ignoring(ask: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        return ask()
    except httpx.TransportError:
        return httpx.Response(500)
