"""A small proxy in front of replicas: sends connections to those that say they are ready, as a load balancer would."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp

from benchmarks.running.processes import is_ready

_LOOK_EVERY_S = 0.1


class Proxy:
    """Copies bytes both ways, so that WebSockets pass too. A connection stays with its replica."""

    def __init__(self, origins: Sequence[str]) -> None:
        self.origin = ""
        self._ready = list(origins)
        self._origins = list(origins)
        self._next = 0

    async def look(self) -> None:
        """Asks each replica whether it is ready, again and again."""
        async with aiohttp.ClientSession() as session:
            while True:
                answers = await asyncio.gather(*(is_ready(session, origin) for origin in self._origins))
                self._ready = [origin for origin, ready in zip(self._origins, answers, strict=True) if ready]
                await asyncio.sleep(_LOOK_EVERY_S)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await self._connect()
        except OSError:
            writer.close()
            return
        copying = [
            asyncio.create_task(_copy(reader, upstream_writer)),
            asyncio.create_task(_copy(upstream_reader, writer)),
        ]
        try:
            await asyncio.wait(copying)
        finally:
            for task in copying:
                task.cancel()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(len(self._ready)):
            self._next += 1
            origin = self._ready[self._next % len(self._ready)]
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", int(origin.rpartition(":")[2]))
        raise OSError("no replica is ready")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        with suppress(OSError):
            writer.close()


@asynccontextmanager
async def proxy(origins: Sequence[str]) -> AsyncIterator[Proxy]:
    in_front = Proxy(origins)
    server = await asyncio.start_server(in_front.serve, "127.0.0.1", 0)
    in_front.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    looking = asyncio.create_task(in_front.look())
    try:
        yield in_front
    finally:
        looking.cancel()
        await asyncio.wait([looking])
        server.close()
