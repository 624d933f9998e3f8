"""Connections are taken as they come: all of them, and none is left behind when the listening ends."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
import uvloop

from gateway.listener import Listener


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as sock:
        yield sock


def clients(sock: socket.socket, count: int) -> list[socket.socket]:
    """That many connections, waiting to be taken."""
    return [socket.create_connection(sock.getsockname()) for _ in range(count)]


class Greeted(asyncio.Protocol):
    """Knows how many there are of it."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Greeted.made += 1
        transport.close()


def test_all_are_taken_at_once(listening: socket.socket) -> None:
    """A hundred connections have their protocols within a few turns of the event loop, not one a turn."""
    Greeted.made = 0

    async def turns_until_taken() -> int:
        waiting = clients(listening, 100)
        listener, turns = Listener(listening, Greeted, 256), 0
        listener.start()
        while Greeted.made < 100:
            turns += 1
            await asyncio.sleep(0)
        listener.close()
        await listener.wait_closed()
        for client in waiting:
            client.close()
        return turns

    assert uvloop.run(turns_until_taken()) < 20


def test_what_has_come_is_taken_at_the_end(listening: socket.socket) -> None:
    """A connection that was made before the listening ended is served; closing twice is no harm."""
    Greeted.made = 0

    async def close_at_once() -> None:
        listener = Listener(listening, Greeted, 256)
        listener.start()
        waiting = clients(listening, 5)
        listener.close()
        listener.close()
        await listener.wait_closed()
        for client in waiting:
            client.close()

    uvloop.run(close_at_once())

    assert Greeted.made == 5


class NoDescriptorsLeft:
    """A listening socket of a process that may open no more files."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def accept(self) -> tuple[socket.socket, Any]:
        self.asked += 1
        if self.asked == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return self._sock.accept()


def test_without_descriptors_it_waits(listening: socket.socket) -> None:
    """Where no file can be opened it asks again after a while, and not in every turn."""
    Greeted.made = 0
    scarce = NoDescriptorsLeft(listening)

    async def until_taken() -> int:
        waiting = clients(listening, 1)
        listener = Listener(cast("socket.socket", scarce), Greeted, 256)
        listener.start()
        for _ in range(50):
            await asyncio.sleep(0)
        asked = scarce.asked
        while not Greeted.made:  # noqa: ASYNC110 - the loop's own time is the subject
            await asyncio.sleep(0.01)
        listener.close()
        await listener.wait_closed()
        waiting[0].close()
        return asked

    assert uvloop.run(until_taken()) == 1
