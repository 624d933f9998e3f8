"""The wire to Scale: reads here, writes in writes.py; no other place writes one of its addresses."""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeVar

from gateway.backends.base import CallObserver, Outcome
from gateway.backends.guard import Guard
from gateway.backends.scale import places
from gateway.backends.scale.answers import bad_response, json_of, require_success
from gateway.backends.scale.normalize import task_of_body
from gateway.backends.scale.pages import TaskPage, TaskStatePage, task_page, task_state_page
from gateway.backends.scale.queries import BatchQuery, TaskQuery, in_calls
from gateway.backends.scale.writes import ScaleWrites
from gateway.backends.transport import Answer, BackendTransport, Call, Limits, Wire, path_segment
from gateway.tracing import CallTracing
from schema.backend import Backend
from schema.changes import Change
from schema.creation import MultistageCreation
from schema.errors import GatewayError
from schema.references import Reference, ScaleTaskReference
from schema.task import Task

T = TypeVar("T")

_TASK = "GET /task/{id}"
_TASKS = "GET /tasks"
_PROJECTS = "GET /projects"
_BATCHES = "GET /batches"
_BATCH_STATUS = "GET /batches/{name}/status"

_NOT_FOUND = 404

# Unique ids are unique: 50 of them fill one page. A list that goes on and on does not heed the filter.
_MAX_PAGES_BY_UNIQUE_ID = 20


class ScaleClient:
    """Fulfils `TaskBackend`, `UniqueIdBackend` and `WritingBackend`; the typed lists raise GatewayError."""

    fetch_may_be_begun = True

    def __init__(self, transport: BackendTransport, observer: CallObserver, now: Callable[[], datetime]) -> None:
        self.backend = Backend.SCALE
        self._transport = transport
        self._observer = observer
        self._now = now
        self._writes = ScaleWrites(transport, now, self._misfit)

    async def aclose(self) -> None:
        await self._transport.aclose()

    @property
    def timeout_s(self) -> float:
        return self._transport.timeout_s

    def deadline(self, *, ends_at: float | None = None, share: float = 1.0) -> AbstractAsyncContextManager[None]:
        return self._transport.deadline(ends_at=ends_at, share=share)

    async def change(self, reference: Reference, change: Change) -> Task | None:
        return await self._writes.change(_of_scale(reference), change)

    async def create(self, creation: MultistageCreation, idempotency_key: str | None) -> Task:
        return await self._writes.create_multistage(creation, idempotency_key)

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        """One `GET /task/{id}` a reference, side by side: Scale has no list by task id, and no viewUrl."""
        calls = [self._task_call(_of_scale(reference)) for reference in references]
        return await self._transport.send_together(calls)

    async def fetch_by_unique_id(self, unique_ids: Sequence[str]) -> Sequence[Outcome]:
        """One `GET /tasks` per 50 unique ids, side by side. What it answers is matched by the task's own unique id."""
        outcomes: dict[str, Outcome] = dict.fromkeys(unique_ids)
        await _side_by_side([self._find(group, outcomes) for group in in_calls(outcomes)])
        return [outcomes[unique_id] for unique_id in unique_ids]

    def restore(self, reference: Reference, body: bytes, fetched_at: datetime) -> Task:
        """The task whose `record.body` was kept elsewhere. Raises ValueError for bytes that are no such body."""
        return task_of_body(_of_scale(reference), body, fetched_at=fetched_at, misfit=_unheard)

    async def list_tasks(self, query: TaskQuery) -> TaskPage:
        """One page of whole tasks. Raises RefusedQueryError where Scale does not take a filter."""
        return await self._get(
            Call(_TASKS, "GET", "/tasks", query.pairs()),
            lambda answer: task_page(answer, query, fetched_at=self._now(), misfit=self._misfit),
        )

    async def list_task_states(self, query: TaskQuery) -> TaskStatePage:
        """One page of states only, for sweeps over many. Raises RefusedQueryError as `list_tasks` does."""
        return await self._get(
            Call(_TASKS, "GET", "/tasks", query.pairs(limited=True)),
            lambda answer: task_state_page(answer, query, misfit=self._misfit),
        )

    async def projects(self, *, archived: bool | None = None) -> places.ProjectList:
        """All projects; with `archived`, only those that are, or are not."""
        query = [] if archived is None else [("archived", "true" if archived else "false")]
        return await self._get(
            Call(_PROJECTS, "GET", "/projects", query),
            lambda answer: places.project_list(answer, _PROJECTS, self._misfit),
        )

    async def batches(self, query: BatchQuery) -> places.BatchPage:
        """One page of batches."""
        return await self._get(
            Call(_BATCHES, "GET", "/batches", query.pairs()),
            lambda answer: places.batch_page(answer, query, _BATCHES, self._misfit),
        )

    async def batch_status(self, name: str) -> places.BatchStatus | None:
        """Where a batch and its tasks stand; None where Scale knows no such batch."""

        def read(answer: Answer) -> places.BatchStatus | None:
            if answer.status == _NOT_FOUND:
                return None
            require_success(answer, _BATCH_STATUS, self._now())
            return places.batch_status(json_of(answer, _BATCH_STATUS), _BATCH_STATUS, self._misfit)

        return await self._transport.send(Call(_BATCH_STATUS, "GET", f"/batches/{path_segment(name)}/status"), read)

    def _task_call(self, reference: ScaleTaskReference) -> tuple[Call, Callable[[Answer], Task | None]]:
        def read(answer: Answer) -> Task | None:
            if answer.status == _NOT_FOUND:
                return None
            now = self._now()
            require_success(answer, _TASK, now)
            try:
                return task_of_body(reference, answer.body, fetched_at=now, misfit=self._misfit)
            except ValueError as exc:
                raise bad_response(f"{_TASK} {exc}") from exc

        return Call(_TASK, "GET", f"/task/{path_segment(reference.task_id)}"), read

    async def _find(self, unique_ids: tuple[str, ...], outcomes: dict[str, Outcome]) -> None:
        """Puts the outcomes of one call's unique ids into `outcomes`. What was found before a failure stands."""
        try:
            async with self._transport.deadline():
                await self._walk(unique_ids, outcomes)
        except GatewayError as error:
            for unique_id in unique_ids:
                if not isinstance(outcomes[unique_id], Task):
                    outcomes[unique_id] = error

    async def _walk(self, unique_ids: tuple[str, ...], outcomes: dict[str, Outcome]) -> None:
        wanted = set(unique_ids)
        query = TaskQuery(unique_ids=unique_ids)
        for _ in range(_MAX_PAGES_BY_UNIQUE_ID):
            page = await self.list_tasks(query)
            for task in page.tasks:
                if task.unique_id is not None and task.unique_id in wanted:
                    wanted.remove(task.unique_id)
                    outcomes[task.unique_id] = task
            for unique_id in page.skipped_unique_ids & wanted:
                outcomes[unique_id] = bad_response(f"{_TASKS} a record without task_id or status")
            if page.next_token is None or not wanted:
                return
            query = replace(query, next_token=page.next_token)
        raise bad_response(f"{_TASKS} more pages than unique ids asked for")

    async def _get(self, call: Call, read: Callable[[object], T]) -> T:
        """What `read` makes of the JSON that a success brings."""

        def read_success(answer: Answer) -> T:
            require_success(answer, call.endpoint, self._now())
            return read(json_of(answer, call.endpoint))

        return await self._transport.send(call, read_success)

    def _misfit(self, field: str) -> None:
        self._observer.misfit(Backend.SCALE, field)


def scale_backend(
    base_url: str,
    api_key: str,
    *,
    limits: Limits,
    observer: CallObserver,
    wire: Wire | None = None,
    now: Callable[[], datetime] | None = None,
    guard: Guard | None = None,
    tracing: CallTracing | None = None,
) -> ScaleClient:
    """A client of Scale at `base_url`, which ends in /v1. `wire` replaces the sockets; `now` gives the time in UTC."""
    headers = authorization(api_key)
    transport = BackendTransport(
        Backend.SCALE,
        base_url,
        sign=lambda: headers,
        observer=observer,
        limits=limits,
        wire=wire,
        guard=guard,
        tracing=tracing,
    )
    return ScaleClient(transport, observer, now or _utc_now)


def authorization(api_key: str) -> MappingProxyType[str, str]:
    """HTTP Basic (RFC 7617) as Scale takes it: the key is the user name, the password is empty."""
    credentials = base64.b64encode(f"{api_key}:".encode()).decode()
    return MappingProxyType({"authorization": f"Basic {credentials}"})


async def _side_by_side(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T | GatewayError]:
    """What each call leads to, failures as values. Ends only when all have ended, cancelled or not."""
    results: list[T | GatewayError] = []
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, GatewayError):
            raise result
        results.append(result)
    return results


def _of_scale(reference: Reference) -> ScaleTaskReference:
    if not isinstance(reference, ScaleTaskReference):
        raise TypeError("a reference of another backend")
    return reference


def _unheard(field: str) -> None:
    """For records that were heard of when they were fetched."""


def _utc_now() -> datetime:
    return datetime.now(UTC)
