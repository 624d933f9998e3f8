"""One connection at a time over real sockets: every framing, and everything a server or a network may do wrong."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.backends.connections import (
    MAX_HEAD_BYTES,
    BrokenAnswerError,
    Connections,
    HttpAnswer,
    LostError,
    OversizedAnswerError,
    UnreadableAnswerError,
    request_bytes,
)
from tests.certificates import certified
from tests.gateway.backends.replying import Reply, ReplyingServer, replying, sending

pytestmark = pytest.mark.anyio

GET = request_bytes("GET", "/", {"host": "h"}, None)
OK = b"HTTP/1.1 200 OK\r\n"
LIMIT = 10_000


@asynccontextmanager
async def served(
    reply: Reply, *, server_tls: ssl.SSLContext | None = None, client_tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Connections, ReplyingServer]]:
    """Connections to a server on loopback."""
    host = "localhost" if server_tls is not None else "127.0.0.1"
    async with replying(reply, server_tls) as (server, port):
        connections = Connections(host, port, client_tls, connect_timeout_s=2, max_body_bytes=LIMIT)
        try:
            yield connections, server
        finally:
            connections.close()


def whole(body: bytes, headers: bytes = b"") -> bytes:
    return OK + headers + b"content-length: %d\r\n\r\n%s" % (len(body), body)


async def answer_to(reply: Reply) -> HttpAnswer:
    async with served(reply) as (connections, _):
        return await connections.exchange(GET, may_repeat=False)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(sending(whole(b"hello")), id="whole"),
        pytest.param(sending(*(bytes([byte]) for byte in whole(b"hello"))), id="byte by byte"),
        pytest.param(
            sending(OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\ntrailer: t\r\n\r\n"),
            id="chunked, with an extension and a trailer",
        ),
        pytest.param(sending(OK + b"\r\nhel", b"lo", then_close=True), id="until the end"),
        pytest.param(sending(b"HTTP/1.0 200 OK\r\n\r\nhello", then_close=True), id="HTTP/1.0"),
        pytest.param(sending(b"HTTP/1.1 100 Continue\r\n\r\n", whole(b"hello")), id="after 100 Continue"),
        pytest.param(
            sending(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + whole(b"hello")), id="after 103 Early Hints"
        ),
        pytest.param(sending(whole(gzip.compress(b"hello"), b"content-encoding: gzip\r\n")), id="gzip"),
        pytest.param(sending(whole(zlib.compress(b"hello"), b"Content-Encoding: deflate\r\n")), id="deflate"),
    ],
)
async def test_every_framing(reply: Reply) -> None:
    """However an answer is framed and encoded, it is the same answer."""
    answer = await answer_to(reply)

    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_without_a_body(status: bytes) -> None:
    """They end with their head."""
    answer = await answer_to(sending(b"HTTP/1.1 " + status + b"\r\n\r\n"))

    assert (answer.status, answer.body) == (int(status[:3]), b"")


async def test_headers_are_told() -> None:
    """By their names in small letters."""
    answer = await answer_to(sending(whole(b"", b"Retry-After: 5\r\nX-Any: a\r\n")))

    assert answer.headers["retry-after"] == "5"
    assert answer.headers["x-any"] == "a"


BOMB = gzip.compress(b"0" * (LIMIT + 1))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(sending(b"SSH-2.0-OpenSSH_9.2\r\n"), BrokenAnswerError, id="no HTTP"),
        pytest.param(sending(whole(b"hello")[:-2], then_close=True), BrokenAnswerError, id="less than announced"),
        pytest.param(sending(whole(b"hello")[:12], then_close=True), BrokenAnswerError, id="head cut short"),
        pytest.param(
            sending(OK + b"transfer-encoding: chunked\r\n\r\n64\r\nhel", then_close=True),
            BrokenAnswerError,
            id="chunk cut short",
        ),
        pytest.param(
            sending(OK + b"transfer-encoding: chunked\r\n\r\nno size\r\n"), BrokenAnswerError, id="chunk without a size"
        ),
        pytest.param(sending(OK + b"content-length: x\r\n\r\n"), BrokenAnswerError, id="length that is no number"),
        pytest.param(
            sending(OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab"), BrokenAnswerError, id="two lengths"
        ),
        pytest.param(
            sending(OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            BrokenAnswerError,
            id="length and chunks",
        ),
        pytest.param(
            sending(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            BrokenAnswerError,
            id="an upgrade",
        ),
        pytest.param(sending(then_close=True), LostError, id="dropped"),
        pytest.param(sending(whole(b"0" * (LIMIT + 1))), OversizedAnswerError, id="too long"),
        pytest.param(
            sending(OK + b"x: " + b"0" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n"), OversizedAnswerError, id="endless head"
        ),
        pytest.param(sending(whole(BOMB, b"content-encoding: gzip\r\n")), OversizedAnswerError, id="inflates"),
        pytest.param(
            sending(whole(b"hello", b"content-encoding: gzip\r\n")), UnreadableAnswerError, id="no gzip after all"
        ),
        pytest.param(
            sending(whole(gzip.compress(b"hello")[:-3], b"content-encoding: gzip\r\n")),
            UnreadableAnswerError,
            id="gzip cut short",
        ),
        pytest.param(
            sending(whole(b"hello", b"content-encoding: br\r\n")), UnreadableAnswerError, id="an unknown encoding"
        ),
    ],
)
async def test_wrong_answers(reply: Reply, error: type[Exception]) -> None:
    """Each is an error of its own, and the connection is not used again."""
    async with served(reply) as (connections, server):
        for _ in range(2):
            with pytest.raises(error):
                await connections.exchange(GET, may_repeat=False)

    assert server.connections == 2


async def test_connections_are_used_again() -> None:
    """One after the other, requests share a connection."""
    async with served(sending(whole(b"hello"))) as (connections, server):
        for _ in range(3):
            await connections.exchange(GET, may_repeat=False)

    assert (server.connections, len(server.heads)) == (1, 3)


@pytest.mark.parametrize("head", [b"connection: close\r\n", b"Connection: Close\r\n"])
async def test_a_closing_server_is_believed(head: bytes) -> None:
    """After `Connection: close` the next request takes a new connection."""
    async with served(sending(whole(b"hello", head))) as (connections, server):
        await connections.exchange(GET, may_repeat=False)
        await connections.exchange(GET, may_repeat=False)

    assert server.connections == 2


async def test_an_answer_nobody_asked_for() -> None:
    """A second answer to one request ends its connection: it must never answer another request."""
    async with served(sending(whole(b"first") + whole(b"second"))) as (connections, server):
        answers = [(await connections.exchange(GET, may_repeat=False)).body for _ in range(2)]

    assert answers == [b"first", b"first"]
    assert server.connections == 2


def closing_when_idle() -> Reply:
    """Answers the first request of a connection; drops the connection at its second."""
    served_writers: set[asyncio.StreamWriter] = set()

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if writer in served_writers:
            writer.transport.abort()
            return
        served_writers.add(writer)
        writer.write(whole(b"hello"))

    return reply


async def test_closed_while_reused() -> None:
    """A request lost on an old connection is sent once more over a new one, where that is harmless."""
    async with served(closing_when_idle()) as (connections, server):
        await connections.exchange(GET, may_repeat=True)
        answer = await connections.exchange(GET, may_repeat=True)

    assert answer.body == b"hello"
    assert (server.connections, len(server.heads)) == (2, 3)


async def test_a_write_is_never_sent_twice() -> None:
    """Where sending twice may do harm, a request lost on an old connection is lost."""
    async with served(closing_when_idle()) as (connections, server):
        await connections.exchange(GET, may_repeat=False)
        with pytest.raises(LostError):
            await connections.exchange(GET, may_repeat=False)

    assert len(server.heads) == 2


async def test_a_caller_that_goes_away() -> None:
    """Its connection is closed: an answer that comes later must not meet another request."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        raise ConnectionError

    async with served(reply) as (connections, server):
        exchange = asyncio.ensure_future(connections.exchange(GET, may_repeat=True))
        await asyncio.wait_for(server.asked.wait(), 5)
        exchange.cancel()
        with pytest.raises(asyncio.CancelledError):
            await exchange
        await asyncio.wait_for(server.lost.wait(), 5)

    assert len(server.heads) == 1


async def test_nobody_listens() -> None:
    """A refused connection is an OSError."""
    connections = Connections("127.0.0.1", 1, None, connect_timeout_s=2, max_body_bytes=LIMIT)

    with pytest.raises(OSError, match="Connect call failed"):
        await connections.exchange(GET, may_repeat=True)


async def test_parallel_requests() -> None:
    """Each has a connection of its own, and gets its own answer."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = server.heads[-1].split(b" ")[1]
        writer.write(whole(target))

    async with served(reply) as (connections, server):
        targets = [f"/{number}" for number in range(50)]
        answers = await asyncio.gather(
            *(connections.exchange(request_bytes("GET", target, {}, None), may_repeat=True) for target in targets)
        )

    assert [answer.body.decode() for answer in answers] == targets


@pytest.mark.parametrize("target", ["/a b", "/a\r\nx: y", "/車", ""])
def test_targets_that_break_the_request_line(target: str) -> None:
    """They are refused before anything leaves; an empty one, too, is no target."""
    with pytest.raises(ValueError, match="target"):
        request_bytes("GET", target, {}, None)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b"])
def test_headers_that_break_their_line(value: str) -> None:
    """A value with a line break would be two headers."""
    with pytest.raises(ValueError, match="control character"):
        request_bytes("GET", "/", {"x": value}, None)


def test_bodies_are_measured() -> None:
    """A body's length is announced, that of an empty one too; without a body none is."""
    assert request_bytes("POST", "/", {}, b"") == b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
    assert request_bytes("POST", "/", {}, b"ab") == b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nab"
    assert request_bytes("GET", "/", {}, None) == b"GET / HTTP/1.1\r\n\r\n"


async def test_tls(tmp_path: Path) -> None:
    """Encrypted connections are used again like any other."""
    server_tls, trusted = certified(tmp_path, "localhost")
    client_tls = ssl.create_default_context(cafile=str(trusted))

    async with served(sending(whole(b"hello")), server_tls=server_tls, client_tls=client_tls) as (connections, server):
        answers = [(await connections.exchange(GET, may_repeat=True)).body for _ in range(2)]

    assert answers == [b"hello", b"hello"]
    assert server.connections == 1


@pytest.mark.parametrize("wrong", ["another host's", "nobody's"])
async def test_a_certificate_that_proves_nothing(tmp_path: Path, wrong: str) -> None:
    """A certificate for another host, or signed by nobody we trust, ends the connection before anything is sent."""
    server_tls, certificate = certified(tmp_path, "localhost" if wrong == "nobody's" else "other.example")
    trusted = ssl.create_default_context(cafile=str(certificate) if wrong == "another host's" else None)

    async with served(sending(whole(b"hello")), server_tls=server_tls, client_tls=trusted) as (connections, server):
        with pytest.raises(ssl.SSLCertVerificationError):
            await connections.exchange(GET, may_repeat=True)

    assert server.heads == []
