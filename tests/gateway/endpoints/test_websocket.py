"""graphql-transport-ws on the wire, against a real uvicorn: handshake, close codes, limits, credentials."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.gateway.endpoints.served import Served, open_streams, served_gateway, served_schema, small_schema

PROTOCOL = "graphql-transport-ws"
KEY = "a-key-of-some-length"
KEYS = f"reader:{hashlib.sha256(KEY.encode()).hexdigest()}:read"


@pytest.fixture(scope="module")
def small() -> Iterator[Served]:
    with served_schema(small_schema(), GATEWAY_CORS_ORIGINS="https://listed.example") as served:
        yield served


@contextmanager
def _socket(
    served: Served, *, init: object = None, protocol: str = PROTOCOL, **options: Any
) -> Iterator[ClientConnection]:
    with connect(served.socket_url, subprotocols=[Subprotocol(protocol)], proxy=None, **options) as socket:
        if init is not None:
            _send(socket, type="connection_init", payload=init)
            assert _receive(socket)["type"] == "connection_ack"
        yield socket


def _send(socket: ClientConnection, **message: object) -> None:
    socket.send(json.dumps(message))


def _receive(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return message


def _close_code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        _drain(socket)
    received = closed.value.rcvd
    assert received is not None
    return received.code


def _drain(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=10)


def _subscribe(socket: ClientConnection, query: str, name: str = "1", **payload: object) -> None:
    _send(socket, id=name, type="subscribe", payload={"query": query, **payload})


def test_legacy_protocol(small: Served) -> None:
    """The legacy subprotocol is not spoken: 4406."""
    with connect(small.socket_url, subprotocols=[Subprotocol("graphql-ws")], proxy=None) as socket:
        assert _close_code(socket) == 4406


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [(None, True), ("https://listed.example", True), ("https://evil.example", False), ("null", False)],
)
def test_origin(small: Served, origin: str | None, accepted: bool) -> None:
    """A page of an origin that is not listed gets 403 before any of our protocol."""
    given = None if origin is None else Origin(origin)
    if accepted:
        with _socket(small, init={}, origin=given):
            return
    with pytest.raises(InvalidStatus) as refused, _socket(small, origin=given):
        pass
    assert refused.value.response.status_code == 403


def test_own_origin(small: Served) -> None:
    """A page that this gateway served may connect."""
    with _socket(small, init={}, origin=Origin(small.origin)):
        pass


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "5",
        "null",
        "[]",
        '"x"',
        "{}",
        '{"type": 5}',
        '{"type": "unheard_of"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{quick}"}}',
        '{"type": "subscribe", "id": "1", "payload": 5}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{quick}", "variables": []}}',
        "[" * 5000 + "]" * 5000,
        b"binary",
    ],
)
def test_4400(small: Served, message: str | bytes) -> None:
    """What is no message of the protocol closes with 4400."""
    with _socket(small, init={}) as socket:
        socket.send(message)
        assert _close_code(socket) == 4400


def test_4401(small: Served) -> None:
    """An operation before the connection is acknowledged closes with 4401."""
    with _socket(small) as socket:
        _subscribe(socket, "{ quick }")
        assert _close_code(socket) == 4401


def test_4408() -> None:
    """A client that never says who it is is let go with 4408."""
    with served_schema(small_schema(), GATEWAY_LIMITS__INIT_TIMEOUT_S="0.2") as served, _socket(served) as socket:
        assert _close_code(socket) == 4408


def test_4409(small: Served) -> None:
    """A second operation under an id in use closes with 4409."""
    with _socket(small, init={}) as socket:
        _subscribe(socket, "subscription { silence }")
        _subscribe(socket, "subscription { silence }")
        assert _close_code(socket) == 4409


def test_4429(small: Served) -> None:
    """A second initialisation closes with 4429."""
    with _socket(small, init={}) as socket:
        _send(socket, type="connection_init")
        assert _close_code(socket) == 4429


def test_operations_of_one_socket(small: Served) -> None:
    """Queries and subscriptions run beside one another; `complete` ends one of them and what stands behind it."""
    with _socket(small, init={}) as socket:
        _subscribe(socket, "subscription { silence }", "quiet")
        _subscribe(socket, "query($s: Float!) { slow(seconds: $s) }", "q", variables={"s": 0})
        assert _receive(socket) == {"id": "q", "type": "next", "payload": {"data": {"slow": "done"}}}
        assert _receive(socket) == {"id": "q", "type": "complete"}
        _send(socket, id="quiet", type="complete")
        _send(socket, type="ping")
        assert _receive(socket) == {"type": "pong"}
        _subscribe(socket, "{ quick }", "quiet")
        assert _receive(socket)["payload"] == {"data": {"quick": "done"}}

    assert "silence" not in open_streams


def test_too_many_on_one_socket() -> None:
    """Above the limit an operation is refused by the limit's name; the others go on."""
    with served_schema(small_schema(), GATEWAY_LIMITS__SUBSCRIPTIONS="2") as served, _socket(served, init={}) as socket:
        for name in "abc":
            _subscribe(socket, "subscription { silence }", name)
        refused = _receive(socket)
        _send(socket, type="ping")
        assert _receive(socket) == {"type": "pong"}

    assert (refused["type"], refused["id"]) == ("error", "c")
    assert refused["payload"][0]["extensions"]["code"] == "TOO_COMPLEX"
    assert refused["payload"][0]["extensions"]["limit"] == "subscriptions"


def test_too_many_sockets_of_one_caller() -> None:
    """Above the limit of sockets a caller's next one is refused; a place given up can be taken again."""
    with served_schema(small_schema(), GATEWAY_LIMITS__SOCKETS="2") as served:
        with _socket(served, init={}), _socket(served, init={}), _socket(served) as third:
            _send(third, type="connection_init")
            assert _close_code(third) == 4403
        with _socket(served, init={}):
            pass


def test_too_long_a_message() -> None:
    """A message over the body limit closes the socket with 1009."""
    with served_schema(small_schema(), GATEWAY_LIMITS__BODY_BYTES="1000") as served, _socket(served, init={}) as socket:
        _subscribe(socket, "{ quick " + " " * 2000 + "}")
        assert _close_code(socket) == 1009


def test_limits_hold_on_sockets() -> None:
    """A document over a limit is refused with the limit's name, as over HTTP."""
    with served_gateway() as served, _socket(served, init={}) as socket:
        _subscribe(socket, "{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}")
        refused = _receive(socket)
        calls = served.calls()

    assert refused["payload"][0]["extensions"]["limit"] == "aliases"
    assert calls == 0


@pytest.mark.parametrize("payload", [{"authorization": f"Bearer {KEY}"}, {"Authorization": f"Bearer {KEY}"}])
def test_credentials_in_the_payload(payload: dict[str, str]) -> None:
    """A key in connection_init opens the socket."""
    with _closed_house() as served, _socket(served, init=payload) as socket:
        _subscribe(socket, "{ quick }")
        assert _receive(socket)["payload"] == {"data": {"quick": "done"}}


def test_credentials_in_the_header() -> None:
    """So does one in the handshake's header; its scopes hold."""
    header = {"authorization": f"Bearer {KEY}"}
    with _closed_house() as served, _socket(served, init={}, additional_headers=header) as socket:
        _subscribe(socket, "mutation { write }")
        message = _receive(socket)

    assert message["payload"]["data"] == {"write": None}
    assert message["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "init", [{}, {"authorization": "Bearer wrong-key"}, {"authorization": 5}, {"authorization": ""}]
)
def test_4403(init: dict[str, object]) -> None:
    """No credentials where they are needed, and bad ones always, close with 4403."""
    with _closed_house() as served, _socket(served) as socket:
        _send(socket, type="connection_init", payload=init)
        assert _close_code(socket) == 4403


def _closed_house() -> AbstractContextManager[Served]:
    return served_schema(small_schema(), GATEWAY_AUTH__ANONYMOUS="none", GATEWAY_AUTH__API_KEYS=KEYS)


def test_long_integers_keep_their_digits() -> None:
    """An integer beyond 64 bits is not rounded on its way in."""
    with served_gateway() as gateway, _socket(gateway, init={}) as socket:
        _subscribe(socket, "query($i: ID!) { node(id: $i) { id } }", variables={"i": 123456789012345678901234})
        answer = _receive(socket)

    assert "123456789012345678901234" in json.dumps(answer["payload"])
