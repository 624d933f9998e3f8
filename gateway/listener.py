"""Listener: takes every connection that has come, each time the event loop looks.

uvloop's own servers take one a turn. Where turns are long and clients connect anew, requests would wait in the
kernel's queue, where nobody counts them, refuses them, or knows how long they have been there.
"""

import asyncio
import socket
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)

_MOST_A_TURN = 512
# Descriptors come back when connections end; until then there is nothing to be done about those that wait.
_AGAIN_S = 0.5


class Listener:
    """Listens on `sock` from `start` until `close`; each connection gets a protocol. What uvicorn asks of a server."""

    def __init__(self, sock: socket.socket, make_protocol: Callable[[], asyncio.BaseProtocol], backlog: int) -> None:
        self._sock = sock
        self._make_protocol = make_protocol
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._greeting: set[asyncio.Task[None]] = set()
        self._is_open = False

    def start(self) -> None:
        """Connections are taken from now on."""
        self._sock.setblocking(False)
        self._sock.listen(self._backlog)
        self._is_open = True
        self._loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Takes those that have come, which were promised an answer, and no more."""
        if not self._is_open:
            return
        self._accept()
        self._is_open = False
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()

    async def wait_closed(self) -> None:
        """The last connection has its protocol."""
        if self._greeting:
            await asyncio.wait(self._greeting)

    def _accept(self) -> None:
        for _ in range(_MOST_A_TURN):
            try:
                accepted, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            task = self._loop.create_task(self._greet(accepted))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _greet(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, accepted)
        except OSError:  # it is gone already
            accepted.close()

    def _pause(self, error: OSError) -> None:
        """No descriptor is left, most likely: the socket stays readable, and looking at once again would spin."""
        _log.error("connections cannot be taken", reason=error.strerror)
        self._loop.remove_reader(self._sock.fileno())
        self._loop.call_later(_AGAIN_S, self._resume)

    def _resume(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._sock.fileno(), self._accept)
