"""Reads that several callers want are made once."""

import asyncio

import pytest

from gateway.coalescing import Coalescer, ends_by
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError

pytestmark = pytest.mark.anyio


class Source:
    """Answers once it is let go, and counts."""

    def __init__(self) -> None:
        self.reads = 0
        self.gate = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        await self.gate.wait()
        return self.reads


async def test_one_read_at_a_time() -> None:
    """Callers at the same time share a read; one that goes away does not take it from the others."""
    source, coalescer = Source(), Coalescer[str, int]()
    callers = [asyncio.create_task(coalescer.run("key", source.read)) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.wait([callers[0]])
    source.gate.set()

    assert await asyncio.gather(*callers[1:]) == [1, 1]
    assert await coalescer.run("key", source.read) == 2


async def test_kept_for_an_operation() -> None:
    """A coalescer that keeps reads a key once, failures included."""
    coalescer = Coalescer[str, int](keeps=True)
    tries = 0

    async def fail() -> int:
        nonlocal tries
        tries += 1
        raise GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down")

    for _ in range(2):
        with pytest.raises(GatewayError):
            await coalescer.run("key", fail)

    assert tries == 1


async def test_closing_ends_reads() -> None:
    """After closing no read is left running."""
    source, coalescer = Source(), Coalescer[str, int]()
    caller = asyncio.create_task(coalescer.run("key", source.read))
    await asyncio.sleep(0)
    await coalescer.aclose()

    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_deadline_is_a_typed_failure() -> None:
    """What does not end by its time is the backend's time-out; another's TimeoutError passes through."""
    with pytest.raises(GatewayError) as caught:
        async with ends_by(Backend.SCALE, asyncio.get_running_loop().time()):
            await asyncio.Event().wait()
    with pytest.raises(TimeoutError):
        async with ends_by(Backend.SCALE, asyncio.get_running_loop().time() + 60):
            raise TimeoutError

    assert (caught.value.code, caught.value.backend) == (ErrorCode.BACKEND_TIMEOUT, Backend.SCALE)
