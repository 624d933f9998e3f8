"""HTTP/1.1 over sockets: one protocol object a connection, one request on it at a time.

httpx and aiohttp take 5 to 150 times the CPU for the same call (benchmarks/README.md); a fan-out is made of calls.
"""

import asyncio
import re
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httptools

MAX_HEAD_BYTES = 64 * 1024
_TARGET = re.compile(r"[\x21-\x7e]+")
_UNSAFE_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class WireError(Exception):
    """The exchange came to nothing."""


class LostError(WireError):
    """The connection went away before the answer began."""


class BrokenAnswerError(WireError):
    """What came is no HTTP, or ends before it should."""


class OversizedAnswerError(WireError):
    """The answer is longer than is taken."""


class UnreadableAnswerError(WireError):
    """The answer's content encoding is unknown, or what came is not in it."""


@dataclass(slots=True)
class HttpAnswer:
    """A status, headers with their names in small letters (the last of each name), and the whole body, decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Reading:
    """An answer as far as it has come."""

    head_bytes = 0
    has_head = False
    body_bytes = 0

    def __init__(self, *, has_begun: bool = False) -> None:
        self.has_begun = has_begun
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []

    @property
    def ends_with_connection(self) -> bool:
        return self.has_head and "content-length" not in self.headers and "transfer-encoding" not in self.headers


class Connection(asyncio.Protocol):
    """One connection to a server. `may_be_reused` once an answer has ended cleanly."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self._reading = _Reading()
        self.may_be_reused = False
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it can be asked again."""
        return self.may_be_reused and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[HttpAnswer]":
        """Sends the bytes of a whole request. To be awaited is its answer, or a WireError; `end` follows, always.

        Raises LostError where the connection has gone away.
        """
        self.may_be_reused = False
        transport = self._transport
        if transport is None or transport.is_closing():
            raise LostError
        self._reading = _Reading()
        self._answer = answer = asyncio.get_running_loop().create_future()
        transport.write(request)
        return answer

    def end(self) -> None:
        """Nobody waits for an answer any more: a connection that is still to bring one closes."""
        self._answer = None
        if not self.may_be_reused:
            self.close()

    def close(self) -> None:
        """Nothing more comes or goes."""
        self.may_be_reused = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # it speaks without being asked
            return
        self._reading.has_begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            # An exception of a callback of ours stands behind the parser's.
            cause = error.__context__
            self._fail(cause if isinstance(cause, WireError) else BrokenAnswerError(str(error)))
        except httptools.HttpParserUpgrade:
            self._fail(BrokenAnswerError("an upgrade nobody asked for"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.may_be_reused = False
        self._transport = None
        if self._answer is None or self._answer.done():
            return
        if not self._reading.has_begun:
            self._fail(LostError())
        elif exc is None and self._reading.ends_with_connection:
            self._finish()
        else:
            self._fail(BrokenAnswerError("cut short"))

    # httptools' side

    def on_message_begin(self) -> None:
        # A second answer to one request: whose it is cannot be told.
        if self._answer is None or self._answer.done():
            self.may_be_reused = False

    def on_header(self, name: bytes, value: bytes) -> None:
        reading = self._reading
        reading.head_bytes += len(name) + len(value)
        if reading.head_bytes > MAX_HEAD_BYTES:
            raise OversizedAnswerError
        reading.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._reading.has_head = True

    def on_body(self, body: bytes) -> None:
        reading = self._reading
        reading.body_bytes += len(body)
        if reading.body_bytes > self._max_body_bytes:
            raise OversizedAnswerError
        reading.parts.append(body)

    def on_message_complete(self) -> None:
        if self._answer is None or self._answer.done():
            self.may_be_reused = False
            return
        if self._parser.get_status_code() < 200:
            self._reading = _Reading(has_begun=True)  # 100 and 103 announce the answer
            return
        self.may_be_reused = self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        answer, reading = self._answer, self._reading
        if answer is None or answer.done():
            return
        try:
            body = _decoded(b"".join(reading.parts), reading.headers.get("content-encoding"), self._max_body_bytes)
        except WireError as error:
            self._fail(error)
        else:
            answer.set_result(HttpAnswer(self._parser.get_status_code(), reading.headers, body))

    def _fail(self, error: WireError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()


class Connections:
    """Connections to one server, used again. Whoever asks bounds how many exchanges run at once.

    `tls`: None speaks plain HTTP.
    """

    _MAX_IDLE_S = 60.0

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None, *, connect_timeout_s: float, max_body_bytes: int
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._max_body_bytes = max_body_bytes
        self._idle: list[Connection] = []
        self._is_closed = False

    @property
    def has_idle(self) -> bool:
        """Whether the next exchange needs no new connection."""
        if not self._idle:
            return False
        latest = self._idle[-1]
        return latest.is_open and latest.idle_since >= asyncio.get_running_loop().time() - self._MAX_IDLE_S

    async def exchange(self, request: bytes, *, may_repeat: bool) -> HttpAnswer:
        """The answer to `request`.

        An idle connection may have been closed just now: where sending twice is harmless a lost request is sent once
        more over a new one. Raises WireError, OSError, TimeoutError when connecting takes too long.
        """
        connection = self._reusable()
        if connection is None:
            return await self._exchange_anew(request)
        try:
            return await connection.ask(request)
        except LostError:
            if not may_repeat:
                raise
        finally:
            self._take_back(connection)
        return await self._exchange_anew(request)

    def close(self) -> None:
        """Closes what is idle now, and what is busy once it is done."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    async def _exchange_anew(self, request: bytes) -> HttpAnswer:
        connection = await self._connect()
        try:
            return await connection.ask(request)
        finally:
            self._take_back(connection)

    def _take_back(self, connection: Connection) -> None:
        connection.end()
        if not connection.may_be_reused:
            return
        if self._is_closed:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    def _reusable(self) -> Connection | None:
        """The idle connection used last: the others may close for want of work."""
        oldest = asyncio.get_running_loop().time() - self._MAX_IDLE_S
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.pop(0).close()
        while self._idle:
            connection = self._idle.pop()
            if connection.may_be_reused:
                return connection
        return None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._connect_timeout_s):
            _, connection = await loop.create_connection(
                lambda: Connection(self._max_body_bytes),
                self._host,
                self._port,
                ssl=self._tls,
                server_hostname=self._host if self._tls is not None else None,
            )
        return connection


def head_bytes(headers: Mapping[str, str]) -> bytes:
    """The lines of `headers`. Raises ValueError for what would break them."""
    for name, value in headers.items():
        if _UNSAFE_HEADER.search(value):
            raise ValueError(f"the header {name} holds a control character")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def request_bytes(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """A whole request; `target` leaves exactly as it is written. Raises ValueError for what would break its lines."""
    return headed_request_bytes(method, target, head_bytes(headers), body)


def headed_request_bytes(method: str, target: str, head: bytes, body: bytes | None) -> bytes:
    """As `request_bytes`, with the lines of its headers from `head_bytes`.

    Raises ValueError for a target that would break its line.
    """
    if not _TARGET.fullmatch(target):
        raise ValueError("a request target holds what has to be encoded")
    start = f"{method} {target} HTTP/1.1\r\n".encode("latin-1")
    if body is None:
        return b"%b%b\r\n" % (start, head)
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (start, head, len(body), body)


def _decoded(body: bytes, encoding: str | None, max_bytes: int) -> bytes:
    if encoding is None or encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        raise UnreadableAnswerError(f"content encoding {encoding[:40]!r}")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip's and zlib's headers are told apart
    try:
        decoded = inflate.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise UnreadableAnswerError(str(error)) from None
    if len(decoded) > max_bytes:
        raise OversizedAnswerError
    if not inflate.eof:
        raise UnreadableAnswerError("compressed data cut short")
    return decoded
