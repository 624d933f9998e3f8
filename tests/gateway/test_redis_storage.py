"""RedisStorage against a real server: what it keeps, what it refuses, and how it fails open."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.redis_storage import RedisStorage
from tests.certificates import certified
from tests.redis_server import RedisServer, redis_server
from tests.waiting import until, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.redis, pytest.mark.alone]

PREFIX = "task-gateway:1:"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


class Ears:
    """What a listener heard."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.links: list[bool] = []


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[tuple[RedisStorage, Ears]]:
    storage = RedisStorage(url, PREFIX, now=asyncio.get_running_loop().time)
    ears = Ears()
    task = asyncio.create_task(storage.listen(ears.messages.append, ears.links.append))
    try:
        await until(lambda: bool(ears.links))
        yield storage, ears
    finally:
        task.cancel()
        await asyncio.wait([task])
        await storage.aclose()


async def works(storage: RedisStorage) -> bool:
    """Whether a value that is stored can be read again."""
    found = await storage.find(["probe"])
    if found.stamp is None:
        return False
    await storage.keep({"probe": (b"value", 10)}, found.stamp)
    return (await storage.find(["probe"])).values == [b"value"]


@pytest.mark.parametrize("attribute", ["url", "socket_url"])
async def test_user_names_passwords_and_sockets(server: RedisServer, attribute: str) -> None:
    """A URL's user name and password count, over TCP and over a socket, with no right to list or flush."""
    async with listening(getattr(server, attribute)) as (storage, ears):
        assert await works(storage)
        assert ears.links == [True]


async def test_tls(tmp_path: Path) -> None:
    """rediss:// is TLS: the server's certificate is checked."""
    tls, certificate = certified(tmp_path, "127.0.0.1")
    with redis_server(tmp_path) as server:

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
            writer.close()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", server.port)
            await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

        front = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=tls)
        url = server.url.replace("redis://", "rediss://").replace(str(server.port), str(_port(front)))
        try:
            async with listening(f"{url}?ssl_ca_certs={certificate}") as (storage, _):
                assert await works(storage)
            stranger = RedisStorage(url, PREFIX, now=asyncio.get_running_loop().time)
            assert not await works(stranger)
            await stranger.aclose()
        finally:
            front.close()


async def test_late_reads_lose(server: RedisServer) -> None:
    """What was replaced is not overwritten by a read that began before, and is by one that began after."""
    async with listening(server.url) as (storage, ears):
        before = (await storage.find(["a", "b"])).stamp
        assert before is not None
        assert await storage.replace({"a": (b"written", 10), "b": None}, b"message")

        assert await storage.keep({"a": (b"old", 10), "c": (b"new", 10)}, before) == [False, True]
        found = await storage.find(["a", "b", "c"])
        assert found.values == [b"written", None, b"new"]
        assert found.stamp is not None
        assert await storage.keep({"a": (b"later", 10)}, found.stamp) == [True]
        assert (await storage.find(["a"])).values == [b"later"]
        await until(lambda: ears.messages == [b"message"], 1)


async def test_claims(server: RedisServer) -> None:
    """A claim is one token's until released or run out; one that arrives late claims nothing."""
    async with listening(server.url) as (storage, _):
        stamp = (await storage.find(["a"])).stamp
        assert stamp is not None
        in_time, late = stamp + 60_000_000, stamp - 1_000_000

        assert await storage.claim(["a", "b"], "one", 60, in_time) == [True, True]
        assert await storage.claim(["a", "c"], "two", 60, in_time) == [False, True]
        await storage.release(["a"], "two")
        assert await storage.claim(["a"], "two", 60, in_time) == [False]
        await storage.release(["a"], "one")
        assert await storage.claim(["a"], "two", 0.05, in_time) == [True]
        await asyncio.sleep(0.1)  # the server's own clock
        assert await storage.claim(["a"], "three", 1, in_time) == [True]
        for _ in range(4):
            await asyncio.sleep(0.3)
            await storage.hold(["a"], "three", 1)
        assert await storage.claim(["a"], "four", 60, in_time) == [False]
        assert await storage.claim(["d"], "four", 60, late) == [True]
        assert await storage.claim(["d"], "five", 60, in_time) == [True]


async def test_everything_expires(server: RedisServer) -> None:
    """No key is kept for ever, whatever is stored."""
    async with listening(server.url) as (storage, _):
        stamp = (await storage.find(["a"])).stamp
        assert stamp is not None
        await storage.keep({"a": (b"x", 0), "b": (b"x", 100)}, stamp)
        await storage.claim(["a"], "token", 1, stamp)
        await storage.replace({"c": (b"x", 1), "d": None}, b"")
        client = Redis.from_url(server.url)
        keys = [key async for key in client.scan_iter(match=f"{PREFIX}*")]
        ttls = [await client.pttl(key) for key in keys]
        await client.aclose()

    assert len(keys) >= 4
    assert all(ttl == -2 or 0 < ttl <= 600_000 for ttl in ttls)


@pytest.mark.redis_limits
async def test_paused_is_a_miss_within_200_ms(server: RedisServer) -> None:
    """A server that hangs is a miss within 200 ms, then not asked at all, and used again when it goes on."""
    loop = asyncio.get_running_loop()
    async with listening(server.url) as (storage, ears):
        server.pause()
        started = loop.time()
        assert (await storage.find(["a"])).stamp is None
        first_s = loop.time() - started
        started = loop.time()
        for _ in range(100):
            assert await storage.claim(["a"], "token", 1, 0) == [True]
        others_s = loop.time() - started
        await asyncio.sleep(1.2)  # more than a heartbeat
        unlinked = ears.links[-1]

        server.resume()
        await until(lambda: ears.links[-1])
        await until_async(lambda: works(storage))

    assert first_s < 0.2
    assert others_s < 0.1
    assert not unlinked


async def test_killed_and_started_again(server: RedisServer) -> None:
    """A server that is gone is a miss; one that comes back is used by itself."""
    async with listening(server.url) as (storage, ears):
        assert await works(storage)
        server.kill()
        assert (await storage.find(["a"])).stamp is None
        assert await storage.replace({"a": (b"x", 1)}, b"") is False

        server.start()
        await until(lambda: ears.links[-1])
        await until_async(lambda: works(storage))
        assert ears.links.count(False) >= 1


async def test_a_server_that_never_was() -> None:
    """Without a server everything is a miss, nothing is raised, and the password does not reach the log."""
    kinds: list[str] = []
    url = "redis://user:secret@127.0.0.1:1/0"
    storage = RedisStorage(url, PREFIX, now=asyncio.get_running_loop().time, failed=kinds.append)

    assert (await storage.find(["a", "b"])).values == [None, None]
    assert await storage.keep({"a": (b"x", 1)}, 1) == [True]
    await storage.release(["a"], "token")
    await storage.aclose()

    assert kinds == ["connection"]


def _port(front: asyncio.Server) -> int:
    return int(front.sockets[0].getsockname()[1])
