"""A server on loopback that answers each request's head as it is told, byte by byte: what no HTTP server would do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

Reply: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ReplyingServer:
    """Notes heads, and how many connections came."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.heads: list[bytes] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.lost = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.asked.set()
                await self._reply(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost.set()
        finally:
            writer.close()


@asynccontextmanager
async def replying(reply: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[ReplyingServer, int]]:
    """The server and its port."""
    server = ReplyingServer(reply)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server, int(listening.sockets[0].getsockname()[1])
    finally:
        listening.close()
        await listening.wait_closed()


def sending(*parts: bytes, then_close: bool = False) -> Reply:
    """Writes the parts, each on its own."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if then_close:
            writer.close()

    return reply
