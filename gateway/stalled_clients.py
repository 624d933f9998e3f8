"""Clients that take nothing in, or never say what they want: their connections are cut off.

uvicorn waits for a full socket for ever, and closing one waits until what was written has left: a client that stops
reading would keep its connection, its subscription and its place as long as it likes, over HTTP, server-sent events and
WebSocket alike. So would one whose request's head never ends.
"""

import asyncio
import fcntl
import sys
import termios
import uuid
from typing import Any, cast

import orjson
import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.refusals import bad_request, refusal

_log = structlog.get_logger(__name__)

# Between two looks at a connection; a client that stalls is cut off after one to two of them. Also how long a request's
# head may take.
STALLED_S = 20.0
# What the parser of requests takes. The endpoint itself takes fewer.
_LONGEST_URL = 65_535


class ServerConfig(uvicorn.Config):
    """uvicorn's, with how long a client may take nothing in."""

    def __init__(self, app: ASGIApp, *, stalled_s: float = STALLED_S, **options: Any) -> None:
        super().__init__(app, **{**options, "http": HttpProtocol, "ws": WebSocketProtocol})
        self.stalled_s = stalled_s


class _Stalls:
    """Looks at one connection now and then until it is lost.

    It is stalled where the server waits to write, or to close, and nothing has left between two looks. Nobody
    writes meanwhile, so that what is still to be sent can only shrink.
    """

    def __init__(self, transport: asyncio.Transport, every_s: float) -> None:
        self._transport = transport
        self._every_s = every_s
        self._is_paused = False
        self._size: int | None = None
        self._next = asyncio.get_running_loop().call_later(every_s, self._look)

    def paused(self, is_paused: bool) -> None:
        """The server waits to write from now on, or no longer."""
        self._is_paused, self._size = is_paused, None

    def stop(self) -> None:
        self._next.cancel()

    def _look(self) -> None:
        waits = self._is_paused or self._transport.is_closing()
        size = self._transport.get_write_buffer_size() + self._unacknowledged() if waits else None
        if size and self._size is not None and size >= self._size:
            _log.info("cut off: the client takes nothing in", waiting_bytes=size)
            self._transport.abort()
            return
        self._size = size
        self._next = asyncio.get_running_loop().call_later(self._every_s, self._look)

    def _unacknowledged(self) -> int:
        """Bytes in the system's own buffer, from which they leave long before it takes more; 0 where it cannot tell."""
        try:
            told = fcntl.ioctl(self._transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError, AttributeError):  # of a socket that is gone: the connection is about to be lost
            return 0
        return int.from_bytes(told, sys.byteorder)


class _CutsOff(asyncio.Protocol):
    """Goes before a protocol of uvicorn's among the bases of a class."""

    config: uvicorn.Config
    _stalls: _Stalls | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if isinstance(self.config, ServerConfig):
            # uvloop's transports are asyncio's in all but their bases.
            self._stalls = _Stalls(cast("asyncio.Transport", transport), self.config.stalled_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._left()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        if self._stalls is not None:
            self._stalls.paused(True)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._stalls is not None:
            self._stalls.paused(False)
        super().resume_writing()

    def _left(self) -> None:
        if self._stalls is not None:
            self._stalls.stop()
            self._stalls = None


class HttpProtocol(_CutsOff, HttpToolsProtocol):
    """uvicorn's, cutting off who stalls; a request's head has to come within the same time."""

    _head_due: asyncio.TimerHandle | None = None

    _head_has_begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Nearly every head comes in one piece, and needs no timer.
        if self._head_has_begun:
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_has_begun = True

    def on_headers_complete(self) -> None:
        self._head_has_begun = False
        self._forget_head()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """As every answer before execution, in JSON with a code and a request id."""
        is_long = len(self.url or b"") > _LONGEST_URL  # uvicorn: None before the first request
        no_http = bad_request("the request is no HTTP that is understood here")
        refused = refusal("TOO_COMPLEX", "the URL is too long", status=414, limit="url") if is_long else no_http
        name = uuid.uuid4().hex
        body = orjson.dumps(refused.payload(name))
        head = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", name.encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%b: %b\r\n" % header for header in head)
        self.transport.write(STATUS_LINE[refused.status] + lines + b"\r\n" + body)
        self.transport.close()

    def handle_websocket_upgrade(self) -> None:
        """From here on the WebSocket's protocol looks after the connection."""
        self._left()
        super().handle_websocket_upgrade()

    def cut_off(self) -> None:
        """Ends the connection where it has a part of its answer: there is no other way to tell the client."""
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.abort()

    def _await_head(self) -> None:
        if self._head_due is None and isinstance(self.config, ServerConfig):
            self._head_due = self.loop.call_later(self.config.stalled_s, self._no_head)

    def _forget_head(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _no_head(self) -> None:
        self._head_due = None
        _log.info("cut off: the head of the request does not come")
        self.transport.abort()

    def _left(self) -> None:
        self._forget_head()
        super()._left()


class WebSocketProtocol(_CutsOff, WebSocketsSansIOProtocol):
    """uvicorn's, cutting off who stalls."""
