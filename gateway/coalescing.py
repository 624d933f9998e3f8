"""Reads that several callers want at the same time, made once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Coalescer(Generic[Key, Value]):
    """One read a key at a time. A caller that goes away never cancels a read that others wait for.

    With `keeps` a key is read once in the coalescer's whole life, failures included: for one operation.
    """

    def __init__(self, *, keeps: bool = False) -> None:
        self._keeps = keeps
        self._reads: dict[Key, asyncio.Task[Value]] = {}

    async def run(self, key: Key, read: Callable[[], Awaitable[Value]]) -> Value:
        """What `read` answers, or the read of this key that is under way. Raises what that raises."""
        task = self._reads.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(_awaited(read))
            self._reads[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """No read is left running."""
        reads = list(self._reads.values())
        for task in reads:
            task.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    def _ended(self, key: Key, task: asyncio.Task[Value]) -> None:
        if not self._keeps:
            del self._reads[key]
        if not task.cancelled():
            task.exception()  # looked at, or asyncio would log it where every caller has gone away


@asynccontextmanager
async def ends_by(backend: Backend, at: float) -> AsyncIterator[None]:
    """What happens inside ends when the event loop's time is `at`. Raises GatewayError BACKEND_TIMEOUT otherwise."""
    try:
        async with asyncio.timeout_at(at) as bound:
            yield
    except TimeoutError as exc:
        if not bound.expired():
            raise
        message = f"{backend.name} did not answer in time"
        raise GatewayError(ErrorCode.BACKEND_TIMEOUT, message, backend=backend) from exc


async def _awaited(read: Callable[[], Awaitable[Value]]) -> Value:
    return await read()
