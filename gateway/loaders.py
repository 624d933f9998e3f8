"""Per operation: what is asked for in one tick goes out together; what is cached answers at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from gateway.backends.base import Outcome
from gateway.cache import Entry
from gateway.repository import Read, TaskRepository
from schema.errors import ErrorCode, GatewayError, RequestTimeoutError
from schema.references import Reference, ScaleUniqueId, Selector
from schema.task import Task

# No outcome: what is read has not come.
_UNKNOWN = object()


class OperationLoader:
    """Fulfils `TaskLoader` for one operation; never outlives it.

    What was read from a backend once is not asked for again, failures included. With `no_cache` each selector is read
    anew once, by this operation or by one that is reading it already. `deadline` is the event loop's time after which
    what is still awaited fails with RequestTimeoutError.
    """

    def __init__(self, repository: TaskRepository, deadline: float | None = None, *, no_cache: bool = False) -> None:
        self._repository = repository
        self._deadline = deadline
        self._no_cache = no_cache
        # Whether nothing else will be asked for together with what is asked for first: then that leaves at once.
        self.asks_once = False
        self._entries: list[Entry] = []
        self._batch: _Batch | None = None
        self._batch_of: dict[Read, _Batch] = {}

    async def load(self, selector: Selector) -> Task | None:
        entry = self._known(selector)
        if entry is not None:
            return entry.task
        (outcome,) = await self._read([Read(selector)])
        return _task(outcome)

    async def load_many(self, selectors: Sequence[Selector]) -> Sequence[Outcome]:
        entries = self._known_of(selectors)
        if None not in entries:
            return [entry.task for entry in entries]  # type: ignore[union-attr]  # none of them is None
        missing = [Read(selector) for selector, entry in zip(selectors, entries, strict=True) if entry is None]
        read = iter(await self._read(missing))
        return [next(read) if entry is None else entry.task for entry in entries]

    async def load_view_url(self, reference: Reference) -> str | None:
        (outcome,) = await self._read([Read(reference, view_url=True)])
        task = _task(outcome)
        return None if task is None else task.known_view_url

    def prime(self, task: Task) -> None:
        selectors: list[Selector] = [task.reference]
        if task.unique_id is not None:
            selectors.append(ScaleUniqueId(task.unique_id))
        batch = _Batch()
        batch.outcomes = {Read(selector): task for selector in selectors}
        batch.landing.set_result(None)
        self._batch_of.update(dict.fromkeys(batch.outcomes, batch))

    @property
    def has_found(self) -> bool:
        """Whether anything that was loaded was in the cache already: it may have gone from there since."""
        return bool(self._entries)

    @property
    def cached_entries(self) -> Sequence[Entry] | None:
        """What has been loaded, where all of it is fresh in the cache; None where anything of it is not.

        What was read from a backend is looked up anew: only the very task that was loaded counts.
        """
        if not self._batch_of:
            return self._entries
        entries = self._repository.kept([read.selector for read in self._batch_of])
        for (read, batch), entry in zip(self._batch_of.items(), entries, strict=True):
            if entry is None or read.view_url or batch.outcomes.get(read, _UNKNOWN) is not entry.task:
                return None
        return [*self._entries, *cast("list[Entry]", entries)]

    def _known(self, selector: Selector) -> Entry | None:
        # What this operation has read anew may have been written since: then the cache knows more than the loader.
        if self._no_cache and not self._has_read(selector):
            return None
        entry = self._repository.peek(selector)
        if entry is not None:
            self._entries.append(entry)
        return entry

    def _known_of(self, selectors: Sequence[Selector]) -> list[Entry | None]:
        if self._no_cache:
            return [self._known(selector) for selector in selectors]
        entries = self._repository.peek_many(selectors)
        self._entries.extend(filter(None, entries))
        return entries

    def _has_read(self, selector: Selector) -> bool:
        batch = self._batch_of.get(Read(selector))
        return batch is not None and batch.landing.done()

    async def _read(self, reads: Sequence[Read]) -> list[Outcome]:
        """One outcome a read. One future a batch, however many fields wait for it."""
        batches = [self._boarded(read) for read in reads]
        if self.asks_once:
            self._depart()
        try:
            async with asyncio.timeout_at(self._deadline) as bound:
                for batch in dict.fromkeys(batches):
                    # Shielded: cancelling one field must not cancel the batch that other fields wait for.
                    await asyncio.shield(batch.landing)
        except TimeoutError:
            if not bound.expired():
                raise
        return [batch.outcome(read, self._repository) for batch, read in zip(batches, reads, strict=True)]

    def _boarded(self, read: Read) -> "_Batch":
        batch = self._batch_of.get(read)
        if batch is None:
            batch = self._batch
            if batch is None:
                batch = self._batch = _Batch()
                asyncio.get_running_loop().call_soon(self._depart)
            batch.reads.append(read)
            self._batch_of[read] = batch
        return batch

    def _depart(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            batch.depart(self._repository, no_cache=self._no_cache)


class _Batch:
    """What one tick asked for. `landing` is done when `outcomes` are known."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.outcomes: dict[Read, Outcome] = {}
        self.landing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def depart(self, repository: TaskRepository, *, no_cache: bool) -> None:
        try:
            wait = repository.begin(self.reads, no_cache=no_cache)
        except Exception as error:  # noqa: BLE001  a bug, told to everyone who waits
            self.landing.set_exception(error)
            return
        self._task = asyncio.get_running_loop().create_task(self._fly(wait))

    def outcome(self, read: Read, repository: TaskRepository) -> Outcome:
        """How the read came out; RequestTimeoutError where the batch is late."""
        if self.landing.done():
            return self.outcomes[read]
        # The batch is late; the task itself may have arrived with the first of it.
        arrived = None if read.view_url else repository.peek(read.selector)
        return RequestTimeoutError(read.selector.backend) if arrived is None else arrived.task

    async def _fly(self, wait: Callable[[], Awaitable[list[Outcome]]]) -> None:
        try:
            self.outcomes = dict(zip(self.reads, await wait(), strict=True))
        except asyncio.CancelledError:
            # Whoever waits must not wait for ever.
            stopped = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "the operation was cancelled")
            self.outcomes = dict.fromkeys(self.reads, stopped)
            raise
        except Exception as error:  # noqa: BLE001  a bug, told to everyone who waits
            self.landing.set_exception(error)
        finally:
            if not self.landing.done():
                self.landing.set_result(None)


def _task(outcome: Outcome) -> Task | None:
    if isinstance(outcome, GatewayError):
        raise outcome
    return outcome
