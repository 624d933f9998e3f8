"""Clients that ask and never read what comes back, against a real uvicorn."""

import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import strawberry

from schema.context import Info
from tests.gateway.endpoints.served import Served, open_streams, served_schema
from tests.waiting import wait_until

# More than the sockets of a machine hold between them.
pytestmark = pytest.mark.alone
_LARGE = 24_000_000
_STALLED_S = 0.25


@strawberry.type
class _Query:
    @strawberry.field
    def large(self, info: Info) -> str:
        return "x" * _LARGE


@strawberry.type
class _Subscription:
    @strawberry.subscription
    async def flood(self, info: Info) -> AsyncIterator[str]:
        open_streams.append("flood")
        try:
            while True:
                yield "x" * 500_000
        finally:
            open_streams.remove("flood")


@pytest.fixture(scope="module")
def house() -> Iterator[Served]:
    schema = strawberry.Schema(query=_Query, subscription=_Subscription)
    with served_schema(schema, stalled_s=_STALLED_S) as served:
        yield served


@contextmanager
def _connected(house: Served, *lines: str, body: bytes = b"") -> Iterator[socket.socket]:
    """A connection over which a request was sent, and nothing was read."""
    host, port = house.origin.removeprefix("http://").split(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.settimeout(20)
        client.connect((host, int(port)))
        client.sendall("\r\n".join([*lines, "Host: x", "", ""]).encode() + body)
        yield client


def _asked(house: Served, query: str, *headers: str) -> AbstractContextManager[socket.socket]:
    body = json.dumps({"query": query}).encode()
    about = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return _connected(house, "POST /graphql HTTP/1.1", *about, *headers, body=body)


def _frame(text: str) -> bytes:
    """A short text from a client: masked, as it has to be, with nothing."""
    assert len(text) < 126
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()


def _connections(house: Served) -> int:
    assert house.server is not None
    return len(house.server.server_state.connections)


@pytest.mark.parametrize("headers", [(), ("Connection: close",)], ids=["kept open", "closing"])
def test_an_answer_that_nobody_reads(house: Served, headers: tuple[str, ...]) -> None:
    """Its connection is cut off, also where the server only waits to close it, and others are answered meanwhile."""
    with _asked(house, "{ large }", *headers):
        wait_until(lambda: _connections(house) > 0, "no connection")
        others = house.post("{ __typename }").status_code
        wait_until(lambda: _connections(house) == 0, "the connection is kept")

    assert others == 200


def test_an_event_stream_that_nobody_reads(house: Served) -> None:
    """Its connection is cut off and its subscription ends."""
    with _asked(house, "subscription { flood }", "Accept: text/event-stream"):
        wait_until(lambda: open_streams == ["flood"], "no subscription")
        wait_until(lambda: not open_streams and _connections(house) == 0, "the subscription goes on")


def test_a_socket_that_nobody_reads(house: Served) -> None:
    """The same for a WebSocket."""
    handshake = (
        "GET /graphql HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: graphql-transport-ws",
    )
    with _connected(house, *handshake) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 101")
        client.sendall(_frame('{"type": "connection_init"}'))
        client.sendall(_frame('{"type": "subscribe", "id": "1", "payload": {"query": "subscription { flood }"}}'))
        wait_until(lambda: open_streams == ["flood"], "no subscription")
        wait_until(lambda: not open_streams and _connections(house) == 0, "the subscription goes on")


@pytest.mark.parametrize("first", [b"", b"POST /graphql HT", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /"])
def test_a_head_that_never_ends(house: Served, first: bytes) -> None:
    """A connection on which nothing is asked, or an endless head dribbles in, also after an answer, is cut off."""
    host, port = house.origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(first)
        wait_until(lambda: _connections(house) > 0, "no connection")
        if first:
            wait_until(lambda: not _sent(client), "the connection is kept")
        wait_until(lambda: _connections(house) == 0, "the connection is kept")


def _sent(client: socket.socket) -> bool:
    """Sends one more byte of a head; False when nobody takes it any more."""
    try:
        client.sendall(b"x")
    except OSError:
        return False
    return True


def test_a_slow_reader_is_no_stalled_one(house: Served) -> None:
    """Who takes a long answer in slowly, over many looks, gets the whole of it."""
    received = bytearray()
    with _asked(house, "{ large }", "Connection: close") as client:
        started = time.monotonic()
        while part := client.recv(400_000):
            received += part
            if len(received) < _LARGE // 2 and time.monotonic() - started < 6 * _STALLED_S:
                time.sleep(_STALLED_S / 5)
        seconds = time.monotonic() - started

    assert seconds > 4 * _STALLED_S
    assert received.endswith(b"x" * 1000 + b'"}}')
    assert len(received) > _LARGE
