"""Waiting for what a real process or another task does, which gives no other sign."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Returns when the condition holds; raises TimeoutError when it does not within `seconds`."""

    async def holds() -> bool:
        return condition()

    await until_async(holds, seconds)


async def until_async(condition: Callable[[], Awaitable[bool]], seconds: float = 5) -> None:
    """The same for a condition that asks somebody."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.005)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
    """The same without an event loop, for what another process or thread does; raises AssertionError saying `what`."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, f"{what}, after {seconds} s"
        time.sleep(0.02)  # another process gives no other sign
