"""Sampler: looks a few times a second at what is a state and not an event, and shows it in the metrics."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

# Shows one thing as it now stands; must not wait.
Show: TypeAlias = Callable[[], None]

_EVERY_S = 0.25


async def sample(shows: Iterable[Show], late: Callable[[float], None], every_s: float = _EVERY_S) -> None:
    """Runs until cancelled. `late` hears how many seconds late the event loop woke this up."""
    shows = tuple(shows)
    while True:
        for show in shows:
            show()
        began_at = time.perf_counter()
        await asyncio.sleep(every_s)
        late(max(0.0, time.perf_counter() - began_at - every_s))
