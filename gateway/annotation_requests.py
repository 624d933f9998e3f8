"""AnnotationRequests: Rosetta's requests and their tasks, each read at most once at a time, tasks through the cache."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import NamedTuple, TypeAlias
from weakref import WeakValueDictionary

import strawberry
from cachetools import TTLCache

from gateway.backends.base import Outcome, UnconfiguredBackend, UnusableRecordError, configured
from gateway.backends.rosetta import ImportedRequest, ReadingPlan, RosettaClient, Schedule, derived_status
from gateway.coalescing import Coalescer, ends_by
from gateway.repository import TaskRepository
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import RosettaTaskReference
from schema.status import TaskStatus
from schema.task import Task, TaskEvent

_KEPT = 256

Histories: TypeAlias = Mapping[str, Sequence[TaskEvent]]


class _Wanted(NamedTuple):
    """Scenes to be read in one go, none of it before `since`."""

    annotation_request_id: str
    scene_ids: Sequence[str]
    how: ReadingPlan
    since: datetime | None


class AnnotationRequests:
    """Reads annotation requests for the whole process.

    A request is kept for `fresh_s` seconds of `clock`: its scenes do not change, and how far they were imported is no
    fresher elsewhere. All methods raise GatewayError when the backend fails, within `timeout_s` seconds, and answer
    None for a request that it does not know.
    """

    def __init__(
        self,
        rosetta: RosettaClient | UnconfiguredBackend,
        repository: TaskRepository,
        *,
        fresh_s: float,
        timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._rosetta = rosetta
        self._repository = repository
        self._timeout_s = timeout_s
        self._since: datetime | None = None
        self._kept: TTLCache[str, ImportedRequest] = TTLCache(_KEPT, fresh_s, clock)
        self._requests: Coalescer[str, ImportedRequest | None] = Coalescer()
        self._schedules: Coalescer[str, Schedule | None] = Coalescer()
        self._histories: Coalescer[str, Histories | None] = Coalescer()
        self._scenes: Coalescer[_Wanted, dict[str, Outcome]] = Coalescer()
        self._bulk_reads: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def anew(self, since: datetime) -> "AnnotationRequests":
        """The same for one operation that takes nothing read before `since`; what it reads is kept for all."""
        view = copy(self)
        view._kept = TTLCache(_KEPT, math.inf)
        view._since = since
        return view

    async def aclose(self) -> None:
        for coalescer in (self._requests, self._schedules, self._histories, self._scenes):
            await coalescer.aclose()

    async def request(self, annotation_request_id: str) -> ImportedRequest | None:
        """How its scenes were imported."""
        kept = self._kept.get(annotation_request_id)
        if kept is not None:
            return kept
        rosetta = configured(self._rosetta)
        request = await self._requests.run(
            annotation_request_id, lambda: rosetta.annotation_request(annotation_request_id)
        )
        if request is not None:
            self._kept[annotation_request_id] = request
        return request

    async def schedule(self, annotation_request_id: str) -> Schedule | None:
        """How far its tasks are labelled."""
        rosetta = configured(self._rosetta)
        return await self._schedules.run(annotation_request_id, lambda: rosetta.schedule(annotation_request_id))

    async def histories(self, annotation_request_id: str) -> Histories | None:
        """What happened to each of its tasks, by Rosetta's task id, oldest first."""
        rosetta = configured(self._rosetta)
        return await self._histories.run(annotation_request_id, lambda: rosetta.history(annotation_request_id))

    def known(self, request: ImportedRequest, scene_id: str) -> Task | None:
        """The scene's task where it is cached and fresh."""
        entry = self._repository.peek(_reference(request, scene_id))
        task = None if entry is None else entry.task
        return None if task is None or (self._since is not None and task.fetched_at < self._since) else task

    async def tasks(self, request: ImportedRequest, scene_ids: Sequence[str], *, ahead: int = 0) -> dict[str, Outcome]:
        """An outcome for each scene: from the cache, in bulk, or alone. `ahead` scenes will be wanted in all."""
        return await self._through_cache(request, scene_ids, ahead=ahead, reads_alone=True)

    async def status_counts(self, annotation_request_id: str) -> Mapping[TaskStatus, int] | None:
        """How many of its scenes stand where, failed imports included."""
        async with ends_by(Backend.ROSETTA, asyncio.get_running_loop().time() + self._timeout_s):
            request = await self.request(annotation_request_id)
            if request is None:
                return None
            outcomes = await self._through_cache(request, request.scene_ids, ahead=0, reads_alone=False)
            if len(outcomes) < len(request.scene_ids):
                return await self._counted_rows(request)
        return Counter(_counted(outcome) for outcome in outcomes.values() if outcome is not None)

    async def _counted_rows(self, request: ImportedRequest) -> Mapping[TaskStatus, int]:
        """The counts where rows do not say which scenes they are of: they still say how many tasks stand where."""
        rows = await configured(self._rosetta).statistics(request.annotation_request_id) or ()
        counts = Counter(row.status or TaskStatus.UNKNOWN for row in rows)
        derived = (derived_status(request, scene) for scene in request.scene_ids if scene not in request.task_ids)
        counts.update(status for status in derived if status is not None)
        return counts

    async def _through_cache(
        self, request: ImportedRequest, scene_ids: Sequence[str], *, ahead: int, reads_alone: bool
    ) -> dict[str, Outcome]:
        if request.campaign_id is None:
            message = f"{Backend.ROSETTA.name} sent an annotation request without its campaign"
            raise GatewayError(ErrorCode.BACKEND_BAD_RESPONSE, message, backend=Backend.ROSETTA)
        outcomes, missing = self._look(request, scene_ids)
        if not missing:
            return outcomes
        how = ReadingPlan(ahead, reads_alone=reads_alone)
        wanted = _Wanted(request.annotation_request_id, tuple(missing), how, self._since)
        return {**outcomes, **await self._scenes.run(wanted, lambda: self._read_missing(request, wanted))}

    async def _read_missing(self, request: ImportedRequest, wanted: "_Wanted") -> dict[str, Outcome]:
        """One at a time for a request: whoever waits here finds in the cache what the one before has read."""
        async with self._bulk_reads.setdefault(wanted.annotation_request_id, asyncio.Lock()):
            outcomes, missing = self._look(request, wanted.scene_ids)
            if not missing:
                return outcomes
            mark = self._repository.mark
            read = await configured(self._rosetta).read_scenes(request, missing, wanted.how)
            self._learn(read, mark)
        return {**outcomes, **{scene_id: read[scene_id] for scene_id in missing if scene_id in read}}

    def _look(self, request: ImportedRequest, scene_ids: Sequence[str]) -> tuple[dict[str, Outcome], list[str]]:
        """What is cached and fresh, and what is not."""
        found: dict[str, Outcome] = {}
        missing: list[str] = []
        for scene_id in scene_ids:
            task = self.known(request, scene_id)
            if task is None:
                missing.append(scene_id)
            else:
                found[scene_id] = task
        return found, missing

    def _learn(self, read: Mapping[str, Outcome], mark: int) -> None:
        tasks = [outcome for outcome in read.values() if isinstance(outcome, Task)]
        # What is derived is as old as the request: it never replaces what was read since.
        news = [task for task in tasks if task.backend_status or self._repository.peek(task.reference) is None]
        self._repository.prime(news, mark)


def _counted(outcome: Outcome) -> TaskStatus:
    """The status under which a scene counts. Raises the GatewayError that the reading of it ended with."""
    if isinstance(outcome, UnusableRecordError):
        return TaskStatus.UNKNOWN
    if isinstance(outcome, GatewayError):
        raise outcome
    assert outcome is not None
    return outcome.status


def _reference(request: ImportedRequest, scene_id: str) -> RosettaTaskReference:
    return RosettaTaskReference(
        campaign_id=strawberry.ID(request.campaign_id or ""),
        annotation_request_id=strawberry.ID(request.annotation_request_id),
        scene_id=strawberry.ID(scene_id),
    )
