"""TaskCreator: a task is made once, however many answers get lost."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from gateway.backends.base import Outcome, Taken, TakenError, WriteRefusedError, WritingBackend
from gateway.repository import TaskRepository
from gateway.writing.refusals import key_conflict, unique_id_conflict
from gateway.writing.tries import CreationTries
from schema.creation import CreatedTask, MultistageCreation
from schema.errors import ErrorCode, GatewayError, bad_input
from schema.task import Task

_MULTISTAGE = "multistage"


def _new_key() -> str:
    return uuid.uuid4().hex


class TaskCreator:
    """Creates tasks of `backend`. `sleep` waits between tries, `chance` is in [0, 1), `new_key` makes a key."""

    def __init__(
        self,
        backend: WritingBackend,
        repository: TaskRepository,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        new_key: Callable[[], str] = _new_key,
    ) -> None:
        self._backend = backend
        self._repository = repository
        self._sleep = sleep
        self._chance = chance
        self._new_key = new_key

    async def create(self, creation: MultistageCreation) -> CreatedTask:
        """The task, made now or by an earlier try. Raises GatewayError where there is none, or none is known of."""
        if creation.unique_id is None and creation.idempotency_key is None:
            creation = replace(creation, idempotency_key=self._new_key())
        ends_at = asyncio.get_running_loop().time() + self._backend.timeout_s
        tries = CreationTries()
        while True:
            try:
                # Half of what is left each time, so that there is always time to ask what a lost answer did.
                async with self._backend.deadline(ends_at=ends_at, share=0.5):
                    task = await self._backend.create(creation, creation.idempotency_key)
            except TakenError as taken:
                return await self._taken(creation, taken, tries, ends_at)
            except WriteRefusedError as refusal:
                raise _refused(refusal) from refusal
            except GatewayError as error:
                time_left_s = ends_at - asyncio.get_running_loop().time()
                delay_s = tries.next_delay_s(error, time_left_s, self._chance())
                if delay_s is None:
                    return await self._settle(creation, error, tries, ends_at)
                await self._sleep(delay_s)
            else:
                return CreatedTask(await self._whole(creation, task, ends_at), created=True)

    async def _taken(
        self, creation: MultistageCreation, taken: TakenError, tries: CreationTries, ends_at: float
    ) -> CreatedTask:
        if creation.unique_id is None or taken.what is Taken.IDEMPOTENCY_KEY:
            raise key_conflict(creation.idempotency_key or "")
        holder = await self._holder(creation.unique_id, ends_at)
        if tries.was_lost:
            if isinstance(holder, GatewayError) or holder is None:
                raise self._unknown(creation)
            if _is_made_by(creation, holder):
                return CreatedTask(self._kept(holder), created=False)
        if isinstance(holder, GatewayError):
            holder = None
        elif holder is None and taken.what is Taken.UNCLEAR and creation.idempotency_key is not None:
            raise key_conflict(creation.idempotency_key or "")
        raise unique_id_conflict(creation.unique_id, None if holder is None else self._kept(holder))

    async def _settle(
        self, creation: MultistageCreation, error: GatewayError, tries: CreationTries, ends_at: float
    ) -> CreatedTask:
        """What is known when there is no further try: with a unique id one look-up decides."""
        if not tries.was_lost:
            raise error
        if creation.unique_id is None:
            raise self._unknown(creation) from error
        holder = await self._holder(creation.unique_id, ends_at)
        if isinstance(holder, GatewayError):
            raise self._unknown(creation) from error
        if holder is None:
            raise error  # and trying again is harmless: the unique id lets one creation through
        if not _is_made_by(creation, holder):
            raise unique_id_conflict(creation.unique_id, self._kept(holder))
        return CreatedTask(self._kept(holder), created=False)

    async def _whole(self, creation: MultistageCreation, told: Task, ends_at: float) -> Task:
        """The task as it stands now, and not as the answer told it.

        That one lacks project and batch, and may be the stored answer of an earlier creation under the same key.
        """
        read = await self._until(ends_at, self._backend.fetch([told.reference]))
        if isinstance(read, GatewayError) or read is None:
            # It exists all the same. What the answer lacks is what we asked for; it is not kept as the whole.
            self._repository.forget(told.reference)
            return replace(told, project=told.project or creation.project, batch=told.batch or creation.batch)
        return self._kept(read)

    async def _holder(self, unique_id: str, ends_at: float) -> Outcome:
        return await self._until(ends_at, self._backend.fetch_by_unique_id([unique_id]))

    async def _until(self, ends_at: float, reading: Coroutine[Any, Any, Sequence[Outcome]]) -> Outcome:
        """The one outcome; being late is one too: what is known of the creation must not be lost over it."""
        try:
            async with self._backend.deadline(ends_at=ends_at):
                (outcome,) = await reading
        except GatewayError as late:
            reading.close()  # of no effect where it ran
            return late
        return outcome

    def _kept(self, task: Task) -> Task:
        self._repository.written(task)
        return task

    def _unknown(self, creation: MultistageCreation) -> GatewayError:
        """Names what a task that may exist was made under, so that somebody can look."""
        name = self._backend.backend.name
        if creation.unique_id is None:
            made_under = f"idempotency key {creation.idempotency_key}"
        else:
            made_under = f"unique id {creation.unique_id}"
        message = f"{name} was asked to create the task and its answer got lost: there may be one, under {made_under}"
        return GatewayError(ErrorCode.OUTCOME_UNKNOWN, message, backend=self._backend.backend)


def _refused(refusal: WriteRefusedError) -> GatewayError:
    if refusal.code is not ErrorCode.BAD_USER_INPUT:
        return refusal
    return bad_input("SCALE refuses this task: is there such a project, batch and blueprint?", "input")


def _is_made_by(creation: MultistageCreation, task: Task) -> bool:
    """Whether the holder of a unique id can be the task that a lost answer was about, and not an older one of others.

    What the project adds to or changes in a task says nothing: only what Scale keeps as it was given is compared.
    """
    return (
        task.type == _MULTISTAGE
        and creation.project in (None, task.project)
        and creation.batch in (None, task.batch)
        and (creation.metadata is None or task.record.metadata() == creation.metadata)
    )
