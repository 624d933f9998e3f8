"""Replicas: who watches a task, and what the others hear of it. One implementation for Redis; alone, it is simple."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeAlias

from schema.references import Reference
from schema.task import Task

# Hears that another replica has news of a task. Calling the second gives the task, or None where it was too large to
# be sent and has to be read.
Heard: TypeAlias = Callable[[Reference, Callable[[], Task | None]], None]

# Hears that news arrives from now on without a gap (True), or no longer does.
Linked: TypeAlias = Callable[[bool], None]


class Replicas(Protocol):
    """Never raises. Where the others cannot be reached, every replica does all the work by itself."""

    async def claim(self, references: Sequence[Reference]) -> set[Reference]:
        """Those of `references` that are this replica's to watch until some seconds after the call.

        To be called again and again: a replica that stops calling loses them to others within 20 s.
        """

    async def release(self, references: Sequence[Reference]) -> None:
        """Leaves them to the others at once."""

    async def tell(self, task: Task) -> None:
        """The other replicas hear of the task's state."""

    def listen(self, heard: Heard, linked: Linked) -> Coroutine[Any, Any, None]:
        """Hears the others until cancelled, by itself again after every interruption."""

    async def aclose(self) -> None: ...


class Alone:
    """The only replica: all is its own to watch, and there is nobody to tell."""

    async def claim(self, references: Sequence[Reference]) -> set[Reference]:
        return set(references)

    async def release(self, references: Sequence[Reference]) -> None:
        """Nobody waits for them."""

    async def tell(self, task: Task) -> None:
        """Nobody else is there."""

    async def listen(self, heard: Heard, linked: Linked) -> None:
        linked(True)
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Nothing is open."""
