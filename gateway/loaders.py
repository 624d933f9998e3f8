"""Per operation: what is asked for in one tick goes out together; what is cached answers at once."""

import asyncio
from typing import TypeAlias

from strawberry.dataloader import DataLoader

from gateway.backends.base import Outcome
from gateway.repository import Read, TaskRepository
from schema.errors import ErrorCode, GatewayError, RequestTimeoutError
from schema.references import Reference, Selector
from schema.task import Task

# In a tuple, because a DataLoader raises the exceptions it is given as values, and logs those nobody awaits.
_Boxed: TypeAlias = tuple[Outcome]


class OperationLoader:
    """Fulfils `TaskLoader` for one operation; never outlives it.

    With `no_cache` each selector is read anew once, by this operation or by one that is reading it already.
    `deadline` is the event loop's time after which what is still awaited fails with RequestTimeoutError.
    """

    def __init__(self, repository: TaskRepository, deadline: float | None = None, *, no_cache: bool = False) -> None:
        self._repository = repository
        self._deadline = deadline
        self._no_cache = no_cache
        self._read_anew: set[Selector] = set()
        self._loader: DataLoader[Read, _Boxed] = DataLoader(load_fn=self._load_batch)

    async def load(self, selector: Selector) -> Task | None:
        # What this operation has read anew may have been written since: then the cache knows more than the loader.
        if not self._no_cache or selector in self._read_anew:
            entry = self._repository.peek(selector)
            if entry is not None:
                return entry.task
        return await self._read(Read(selector))

    async def load_view_url(self, reference: Reference) -> str | None:
        task = await self._read(Read(reference, view_url=True))
        return None if task is None else task.known_view_url

    async def _read(self, read: Read) -> Task | None:
        # Shielded: cancelling one field must not cancel the future that other fields wait for.
        loading = asyncio.shield(self._loader.load(read))
        try:
            async with asyncio.timeout_at(self._deadline) as bound:
                (outcome,) = await loading
        except TimeoutError:
            if not bound.expired():
                raise
            # Its batch is late; the task itself may have arrived with the first of it.
            arrived = None if read.view_url else self._repository.peek(read.selector)
            if arrived is not None:
                return arrived.task
            raise RequestTimeoutError(read.selector.backend) from None
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    async def _load_batch(self, reads: list[Read]) -> list[_Boxed]:
        try:
            outcomes = await self._repository.get_many(reads, no_cache=self._no_cache)
            self._read_anew.update(read.selector for read in reads)
            return [(outcome,) for outcome in outcomes]
        except asyncio.CancelledError:
            # A DataLoader whose batch ends cancelled leaves its waiters hanging for ever.
            stopped = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "the operation was cancelled")
            return [(stopped,)] * len(reads)
