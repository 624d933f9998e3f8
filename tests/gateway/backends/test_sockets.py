"""What really reaches a server's socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.backends.sockets import SocketCarrier
from gateway.backends.transport import path_segment

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, list[str]]]:
    """The URL of a server on loopback, and the target of every request it got."""
    targets: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        targets.append(head.decode().split(" ")[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", targets
    finally:
        server.close()
        await server.wait_closed()


def _carrier(url: str) -> SocketCarrier:
    return SocketCarrier(url, connect_timeout_s=2, max_answer_bytes=1000)


@pytest.mark.parametrize("name", ["a/b", "..", ".", "../../admin", "車両 x", "100%", "a?b#c", "%2F", "a+b,c"])
async def test_urls_leave_as_written(name: str) -> None:
    """A name in a path and in a query reaches the server exactly as it was encoded."""
    target = f"/base/{path_segment(name)}?name={path_segment(name)}"

    async with listening() as (base_url, targets):
        carrier = _carrier(base_url)
        answers = [await carrier.exchange("GET", target, {}, None, may_repeat=True) for _ in range(2)]
        await carrier.aclose()

    assert [answer.body for answer in answers] == [b"ok", b"ok"]
    assert targets == [target, target]


async def test_closing_without_a_request() -> None:
    """A wire that never was used closes without a complaint."""
    await _carrier("https://host.example").aclose()
