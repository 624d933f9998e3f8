"""Waiting for what a real process or another task does, which gives no other sign."""

import asyncio
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
