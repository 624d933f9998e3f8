"""How often one caller may ask."""

import asyncio

import pytest

from gateway.fail_open import FailOpen, RedisFailures
from gateway.rate import CallerRate
from gateway.refusals import Refusal

pytestmark = pytest.mark.anyio


async def test_each_caller_has_its_own() -> None:
    """The third request of two allowed is refused with when to come back; another caller goes on."""
    rate = CallerRate("2/hour", "memory://", FailOpen(RedisFailures("rates")))
    await rate.admit("ada")
    await rate.admit("ada")

    with pytest.raises(Refusal) as refused:
        await rate.admit("ada")
    await rate.admit("bob")

    assert (refused.value.status, refused.value.code) == (429, "RATE_LIMITED")
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 3600


async def test_redis_is_down() -> None:
    """A Redis that is gone lets everyone in."""
    rate = CallerRate("1/hour", "redis://127.0.0.1:1", FailOpen(RedisFailures("rates")))

    for _ in range(3):
        await rate.admit("ada")
    await rate.aclose()


async def test_redis_hangs() -> None:
    """A Redis that accepts and says nothing holds a request up for a fifth of a second at most."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(5):
            rate = CallerRate("1/hour", f"redis://127.0.0.1:{port}", FailOpen(RedisFailures("rates")))
            await rate.admit("ada")
            await rate.aclose()
