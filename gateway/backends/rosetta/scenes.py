"""Tasks of many scenes of one annotation request, by whichever road costs fewer calls.

alone     POST /task/get per scene, side by side
in bulk   GET /annotation-request, then the pages of GET /statistics; rows are joined to scenes by task id

That a row's id is the task id of the annotation request's map is the vendor's table, not its sample: the join is
verified, and scenes without a row are read alone. Statistics are read after the request, so that a task that has come
to be in between is in both.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from cachetools import LRUCache, TTLCache

from gateway.backends.base import Outcome
from gateway.backends.rosetta.annotation_requests import ImportedRequest, derived_status
from gateway.backends.rosetta.normalize import derived_task, task_from_row
from gateway.backends.rosetta.plan import may_pay, pays
from gateway.backends.rosetta.reads import SCENE_UNKNOWN, RosettaReads
from gateway.backends.rosetta.statistics import StatisticsRow
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import RosettaTaskReference

# Filled as answers come in, so that what is there stays when time runs out.
Outcomes: TypeAlias = MutableMapping[RosettaTaskReference, Outcome]

_KNOWN_SIZES = 10_000
_UNJOINED_S = 300.0
# How many scenes a whole request's read may read alone where its rows do not join: a page of a list's worth.
_MAX_SINGLE_READS = 100
_FINAL = frozenset({ErrorCode.BACKEND_REFUSED})


@dataclass(frozen=True)
class ReadingPlan:
    """How some scenes of a request are read.

    `ahead` is how many scenes will be wanted in all, these included. Without `reads_alone` scenes that have no row get
    no outcome.
    """

    ahead: int = 0
    reads_alone: bool = True


class SceneReader:
    """Reads scenes of one annotation request at a time. Remembers how many tasks a request had when last seen."""

    def __init__(self, reads: RosettaReads, now: Callable[[], datetime]) -> None:
        self._reads = reads
        self._now = now
        self._sizes: LRUCache[str, int] = LRUCache(_KNOWN_SIZES)
        # Requests most of whose rows were of no scene of theirs: not read in bulk again for a while.
        self._unjoined: TTLCache[str, bool] = TTLCache(_KNOWN_SIZES, _UNJOINED_S, lambda: now().timestamp())

    async def request(self, annotation_request_id: str) -> ImportedRequest | None:
        """The annotation request, its size remembered. Raises GatewayError."""
        request = await self._reads.annotation_request(annotation_request_id)
        if request is not None:
            self._sizes[annotation_request_id] = len(request.task_ids)
        return request

    async def read(self, wanted: Sequence[RosettaTaskReference], outcomes: Outcomes, *, view_url: bool) -> None:
        """Puts an outcome for each of `wanted`, all of one annotation request. Never raises GatewayError."""
        annotation_request_id = wanted[0].annotation_request_id
        if view_url or not may_pay(len(wanted), self._sizes.get(annotation_request_id)):
            await self._read_alone(wanted, outcomes)
            return
        try:
            request = await self.request(annotation_request_id)
        except GatewayError as error:
            await self._without_bulk(wanted, outcomes, error)
            return
        if request is not None and request.campaign_id is None:
            # Only the backend can tell then whether campaign and request belong together.
            await self._read_alone(wanted, outcomes, request)
            return
        tasks = self._settle(wanted, request, outcomes)
        if request is None or not tasks:
            return
        if pays(len(tasks), len(request.task_ids)):
            await self._read_pages(tasks, request, outcomes)
        else:
            await self._read_alone(tasks, outcomes, request)

    async def read_whole(
        self, scenes: Sequence[RosettaTaskReference], request: ImportedRequest, outcomes: Outcomes
    ) -> None:
        """Puts an outcome for each of `scenes`, all those of `request`. Never raises GatewayError."""
        tasks = self._settle(scenes, request, outcomes)
        if tasks:
            await self._read_pages(tasks, request, outcomes, max_single_reads=_MAX_SINGLE_READS)

    async def read_some(
        self,
        scenes: Sequence[RosettaTaskReference],
        wanted: Collection[RosettaTaskReference],
        request: ImportedRequest,
        outcomes: Outcomes,
        how: ReadingPlan,
    ) -> None:
        """Puts an outcome for each of `wanted`, and for what else comes along of `scenes`, all those of `request`.

        Never raises GatewayError.
        """
        tasks = self._settle(scenes, request, outcomes)
        needed = [reference for reference in tasks if reference in wanted]
        if not needed:
            return
        joins = request.annotation_request_id not in self._unjoined
        if joins and pays(max(len(needed), how.ahead), len(request.task_ids)):
            await self._read_pages(tasks, request, outcomes, alone=needed if how.reads_alone else ())
        elif how.reads_alone:
            await self._read_alone(needed, outcomes, request)

    async def _read_pages(
        self,
        tasks: Sequence[RosettaTaskReference],
        request: ImportedRequest,
        outcomes: Outcomes,
        *,
        alone: Collection[RosettaTaskReference] | None = None,
        max_single_reads: int | None = None,
    ) -> None:
        """Puts an outcome for each of `tasks`, scenes of `request` that are tasks, from its statistics.

        At most `max_single_reads` scenes without a row are read alone; the others' outcome is a failure. With `alone`
        only those of it are, and the others have no outcome.
        """
        walked = await self._reads.statistics(request.annotation_request_id)
        rows = {} if walked is None else {row.task_id: row for row in walked.rows}
        fetched_at = self._now()
        left = []
        for reference in tasks:
            row = rows.get(request.task_ids[reference.scene_id])
            if row is None:
                left.append(reference)
            else:
                outcomes[reference] = _row_outcome(reference, row, fetched_at)
        if (walked is None or walked.failure is None) and 2 * len(left) > len(tasks):
            self._unjoined[request.annotation_request_id] = True
        if alone is not None and (walked is None or walked.failure is None):
            left = [reference for reference in left if reference in alone]
        if walked is not None and walked.failure is not None:
            await self._without_bulk(left, outcomes, walked.failure, request, max_single_reads)
        elif left:
            self._reads.misfit("statistics.id")
            await self._without_bulk(left, outcomes, _unjoined(), request, max_single_reads)

    def _settle(
        self, wanted: Sequence[RosettaTaskReference], request: ImportedRequest | None, outcomes: Outcomes
    ) -> list[RosettaTaskReference]:
        """Puts the outcomes that the request alone tells; the scenes that are tasks remain."""
        tasks = []
        for reference in wanted:
            if request is None or reference.campaign_id != request.campaign_id:
                outcomes[reference] = None
            elif reference.scene_id in request.task_ids:
                tasks.append(reference)
            else:
                outcomes[reference] = self._derived(reference, request)
        return tasks

    async def _without_bulk(
        self,
        wanted: Sequence[RosettaTaskReference],
        outcomes: Outcomes,
        error: GatewayError,
        request: ImportedRequest | None = None,
        max_single_reads: int | None = None,
    ) -> None:
        """Reads alone what a bulk read left, unless more calls would meet the same failure."""
        if error.retryable or error.code in _FINAL:
            outcomes.update(dict.fromkeys(wanted, error))
            return
        alone = wanted if max_single_reads is None else wanted[:max_single_reads]
        outcomes.update(dict.fromkeys(wanted[len(alone) :], error))
        await self._read_alone(alone, outcomes, request)

    async def _read_alone(
        self, wanted: Sequence[RosettaTaskReference], outcomes: Outcomes, request: ImportedRequest | None = None
    ) -> None:
        unknown = await self._read_singles(wanted, outcomes)
        if not unknown:
            return
        if request is not None:
            self._derive(unknown, request, outcomes)
            return
        try:
            request = await self.request(unknown[0].annotation_request_id)
        except GatewayError as error:
            outcomes.update(dict.fromkeys(unknown, error))
            return
        if request is None:
            outcomes.update(dict.fromkeys(unknown))
            return
        # What was imported since it was asked for is a task now.
        imported = [reference for reference in unknown if reference.scene_id in request.task_ids]
        still_unknown = await self._read_singles(imported, outcomes)
        settled = set(imported).difference(still_unknown)
        self._derive([reference for reference in unknown if reference not in settled], request, outcomes)

    async def _read_singles(
        self, wanted: Sequence[RosettaTaskReference], outcomes: Outcomes
    ) -> list[RosettaTaskReference]:
        """Reads each scene alone, side by side; those that the backend does not know remain without outcome."""

        async def read(reference: RosettaTaskReference) -> bool:
            try:
                found = await self._reads.task(reference)
            except GatewayError as error:
                outcomes[reference] = error
                return True
            if found is SCENE_UNKNOWN:
                return False
            outcomes[reference] = found
            return True

        async with asyncio.TaskGroup() as group:
            tasks = [(reference, group.create_task(read(reference))) for reference in wanted]
        return [reference for reference, task in tasks if not task.result()]

    def _derive(self, unknown: Sequence[RosettaTaskReference], request: ImportedRequest, outcomes: Outcomes) -> None:
        for reference in unknown:
            foreign = request.campaign_id not in (None, reference.campaign_id)
            outcomes[reference] = None if foreign else self._derived(reference, request)

    def _derived(self, reference: RosettaTaskReference, request: ImportedRequest) -> Outcome:
        status = derived_status(request, reference.scene_id)
        return None if status is None else derived_task(reference, status, self._now())


def by_annotation_request(references: Sequence[RosettaTaskReference]) -> Mapping[str, list[RosettaTaskReference]]:
    """The references of each annotation request."""
    groups: dict[str, list[RosettaTaskReference]] = {}
    for reference in references:
        groups.setdefault(reference.annotation_request_id, []).append(reference)
    return groups


def _row_outcome(reference: RosettaTaskReference, row: StatisticsRow, fetched_at: datetime) -> Outcome:
    try:
        return task_from_row(reference, row, fetched_at)
    except GatewayError as error:
        return error


def _unjoined() -> GatewayError:
    message = f"{Backend.ROSETTA.name} sent rows that do not say which scenes they are of"
    return GatewayError(ErrorCode.BACKEND_BAD_RESPONSE, message, backend=Backend.ROSETTA)
