"""TaskLocks: one write at a time on each task of this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from schema.references import Reference


@dataclass
class _Held:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class TaskLocks:
    """Holds a lock only as long as somebody writes or waits: never more of them than writes under way."""

    def __init__(self) -> None:
        self._held: dict[Reference, _Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    @asynccontextmanager
    async def hold(self, reference: Reference) -> AsyncIterator[None]:
        """Waits for the writes that came before, then keeps later ones waiting."""
        held = self._held.setdefault(reference, _Held())
        held.users += 1
        try:
            async with held.lock:
                yield
        finally:
            held.users -= 1
            if held.users == 0:
                del self._held[reference]
