"""A backend in a process of its own, which answers every request after 20 ms."""

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import cast

import uvloop

LATENCY_S = 0.02
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class _Server(asyncio.Protocol):
    def __init__(self, body_for: Callable[[bytes], bytes]) -> None:
        self._body_for = body_for

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        body = self._body_for(data)
        loop = asyncio.get_running_loop()
        loop.call_later(LATENCY_S, self._transport.write, _ANSWER % (len(body), body))


def _serve(pipe: Pipe, body_for: Callable[[bytes], bytes]) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Server(body_for), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


@contextmanager
def slow_backend(body_for: Callable[[bytes], bytes]) -> Iterator[int]:
    """Its port on 127.0.0.1. `body_for` makes the answer's body from the request; the other process imports it."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    server = spawning.Process(target=_serve, args=(theirs, body_for), daemon=True)
    server.start()
    try:
        yield ours.recv()
    finally:
        server.terminate()
