"""TaskWrites: changes of tasks, one at a time each, and what is known when a backend refuses or stays silent."""

import asyncio
from collections.abc import Sequence

import structlog

from gateway.backends.base import TakenError, WriteRefusedError, WritingBackend, may_have_happened
from gateway.repository import TaskRepository
from gateway.writing.creation import TaskCreator
from gateway.writing.locks import TaskLocks
from gateway.writing.refusals import not_allowed, not_found, not_supported, unique_id_conflict
from gateway.writing.urls import UrlRules
from schema.changes import MAX_TAGS, AddTags, Cancel, Change, ClearUniqueId, Review, SetUniqueId
from schema.creation import CreatedTask, MultistageCreation
from schema.errors import ErrorCode, GatewayError, RefusalError, bad_input
from schema.references import Reference, ScaleUniqueId, Selector
from schema.status import ReviewStatus, TaskStatus
from schema.task import Task

# A bulk mutation leaves room for others at the backend.
_AT_ONCE = 16

_log = structlog.get_logger(__name__)


class TaskWrites:
    """Fulfils `TaskWriter`: Scale can be written, Rosetta cannot.

    What Scale answered is in the repository before it is returned; what is uncertain is forgotten there.
    """

    def __init__(
        self, backend: WritingBackend, repository: TaskRepository, creator: TaskCreator, urls: UrlRules
    ) -> None:
        self._backend = backend
        self._repository = repository
        self._creator = creator
        self._urls = urls
        self._locks = TaskLocks()

    async def write(self, selector: Selector, change: Change) -> Task:
        ends_at = self._ends_at()
        (reference,) = await self._references([selector])
        if isinstance(reference, GatewayError):
            raise reference
        return await self._write(reference, change, ends_at)

    async def write_all(
        self, selectors: Sequence[Selector | GatewayError], change: Change
    ) -> Sequence[Task | GatewayError]:
        ends_at = self._ends_at()
        references = await self._references(selectors)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def outcome_of(reference: Reference) -> Task | GatewayError:
            async with turns:
                try:
                    return await self._write(reference, change, ends_at)
                except GatewayError as error:
                    return error
                except Exception:  # noqa: BLE001  a bug that one task meets must not hide what became of the others
                    _log.exception("writing a task failed unexpectedly")
                    return GatewayError(ErrorCode.INTERNAL, "Internal error", backend=reference.backend)

        distinct = list(dict.fromkeys(it for it in references if not isinstance(it, GatewayError)))
        outcomes = dict(zip(distinct, await asyncio.gather(*map(outcome_of, distinct)), strict=True))
        return [it if isinstance(it, GatewayError) else outcomes[it] for it in references]

    async def create(self, creation: MultistageCreation) -> CreatedTask:
        self._urls.check(creation)
        return await self._creator.create(creation)

    # Which task

    def _ends_at(self) -> float:
        return asyncio.get_running_loop().time() + self._backend.timeout_s

    async def _references(self, selectors: Sequence[Selector | GatewayError]) -> list[Reference | GatewayError]:
        """What each selector names. A unique id is asked for anew: it may have moved to another task since."""
        wanted = list(dict.fromkeys(it.text for it in selectors if isinstance(it, ScaleUniqueId)))
        found = dict(zip(wanted, await self._backend.fetch_by_unique_id(wanted), strict=True)) if wanted else {}
        references: list[Reference | GatewayError] = []
        for selector in selectors:
            if not isinstance(selector, ScaleUniqueId):
                references.append(selector)
                continue
            task = found[selector.text]
            if task is None:
                references.append(not_found())
            else:
                references.append(task if isinstance(task, GatewayError) else task.reference)
        return references

    # One task

    async def _write(self, reference: Reference, change: Change, ends_at: float) -> Task:
        if reference.backend is not self._backend.backend:
            raise not_supported(reference.backend, change)
        async with self._backend.deadline(ends_at=ends_at), self._locks.hold(reference):
            if isinstance(change, AddTags):
                await self._check_merged_tags(reference, change)
            if isinstance(change, Review):
                return await self._review(reference, change, ends_at)
            return await self._change(reference, change)

    async def _change(self, reference: Reference, change: Change) -> Task:
        try:
            task = await self._backend.change(reference, change)
        except WriteRefusedError as refusal:
            return await self._refused(reference, change, refusal)
        except GatewayError as error:
            self._repository.forget(reference)
            if isinstance(change, Cancel) and may_have_happened(error):
                return await self._after_cancel(reference, change, error)
            raise
        except asyncio.CancelledError:
            self._repository.forget(reference)
            raise
        return await self._standing(reference) if task is None else self._kept(task)

    async def _check_merged_tags(self, reference: Reference, change: AddTags) -> None:
        present = (await self._read(reference)).tags
        merged = change.merged(present)
        if len(merged) > MAX_TAGS:
            what = f"the task has {len(present)} tags and would have {len(merged)}; at most {MAX_TAGS} are allowed"
            raise bad_input(what, "input", "tags")

    async def _refused(self, reference: Reference, change: Change, refusal: WriteRefusedError) -> Task:
        if refusal.code is ErrorCode.NOT_FOUND:
            self._repository.forget(reference)
            raise refusal
        if isinstance(refusal, TakenError) and isinstance(change, SetUniqueId):
            return await self._unique_id_taken(reference, change)
        if refusal.code is ErrorCode.BAD_USER_INPUT:
            if isinstance(change, Cancel):
                return await self._after_cancel(reference, change, not_allowed(change, None))
            if change.argument is not None:
                message = f"{self._backend.backend.name} refuses this value of {change.argument}"
                raise bad_input(message, "input", change.argument)
            raise not_allowed(change, await self._standing_or_none(reference))
        raise refusal

    async def _after_cancel(self, reference: Reference, change: Cancel, error: GatewayError) -> Task:
        """What a cancel that was refused, or whose answer was lost, has led to: the task itself tells."""
        task = await self._standing_or_none(reference)
        if task is None:
            raise error
        if task.status is TaskStatus.CANCELED:
            if change.clear_unique_id and task.unique_id is not None:
                return await self._change(reference, ClearUniqueId())
            return task
        # An older Scale answers a cancel of completed work with a server error.
        if isinstance(error, RefusalError) or task.status is TaskStatus.COMPLETED:
            raise not_allowed(change, task)
        raise error

    async def _unique_id_taken(self, reference: Reference, change: SetUniqueId) -> Task:
        (holder,) = await self._backend.fetch_by_unique_id([change.unique_id])
        known = None if isinstance(holder, GatewayError) or holder is None else self._kept(holder)
        if known is not None and known.reference == reference:
            return known
        raise unique_id_conflict(change.unique_id, known)

    # Reviews, which count twice when they are sent twice

    async def _review(self, reference: Reference, change: Review, ends_at: float) -> Task:
        before = await self._read(reference)
        try:
            # Half of the time left, so that there is time to look what a lost answer did.
            async with self._backend.deadline(ends_at=ends_at, share=0.5):
                await self._backend.change(reference, change)
        except WriteRefusedError as refusal:
            return await self._refused(reference, change, refusal)
        except GatewayError as error:
            if not may_have_happened(error):
                raise
            self._repository.forget(reference)
            after = await self._standing_or_none(reference)
            if after is None or not _shows_review(before, after, change):
                raise self._unknown_review("its answer got lost") from error
            return after
        after = await self._standing_or_none(reference)
        if after is None:
            raise self._unknown_review("the task could not be read afterwards")
        return after

    def _unknown_review(self, what: str) -> GatewayError:
        message = f"{self._backend.backend.name} was sent the review, but {what}: look before you repeat it"
        return GatewayError(ErrorCode.OUTCOME_UNKNOWN, message, backend=self._backend.backend)

    # The task as it stands

    async def _read(self, reference: Reference) -> Task:
        """The task, asked for now: a cached one, or a read under way, may be from before a write."""
        (read,) = await self._backend.fetch([reference])
        if read is None:
            self._repository.forget(reference)
            raise not_found()
        if isinstance(read, GatewayError):
            raise read
        return read

    async def _standing(self, reference: Reference) -> Task:
        self._repository.forget(reference)
        return self._kept(await self._read(reference))

    async def _standing_or_none(self, reference: Reference) -> Task | None:
        """As `_standing`; None where it cannot be read: what became of the write must not be lost over it."""
        try:
            # Ends before the deadline around it, which would end the write with it.
            async with self._backend.deadline(share=0.9):
                return await self._standing(reference)
        except GatewayError as error:
            if error.code is ErrorCode.NOT_FOUND:
                raise
            return None

    def _kept(self, task: Task) -> Task:
        self._repository.written(task)
        return task


def _shows_review(before: Task, after: Task, change: Review) -> bool:
    wanted = ReviewStatus.ACCEPTED if change.accepted else ReviewStatus.REJECTED
    return len(after.audits) > len(before.audits) and after.review_status is wanted
