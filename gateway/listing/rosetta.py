"""Rosetta's part of the list: the scenes of the annotation requests asked for, in their order."""

from collections.abc import Sequence
from typing import TypeAlias

from gateway.annotation_requests import AnnotationRequests
from gateway.backends.base import Outcome, UnusableRecordError
from gateway.backends.rosetta import ImportedRequest
from gateway.listing.part import Part
from gateway.listing.places import RosettaPlace, digest
from schema.errors import GatewayError
from schema.filter import TaskCriteria
from schema.status import TaskStatus
from schema.task import Task

# Scenes looked at together where a filter lets an unknown share of them through.
_LOOKED_AT = 100
# How often one page may go out for scenes of one request, and in all: behind that it ends short.
_MOST_READS_A_REQUEST = 2
_MOST_READS = 32


RosettaPart: TypeAlias = Part[RosettaPlace]


class RosettaWalk:
    """Fills pages from annotation requests."""

    def __init__(self, requests: AnnotationRequests) -> None:
        self._requests = requests

    async def fill(self, part: RosettaPart, criteria: TaskCriteria, need: int) -> None:
        """Puts up to `need` tasks into `part`. Raises GatewayError when the backend fails; what is there stays."""
        request_ids = criteria.annotation_request_ids or ()
        reads = 0
        while part.end.request < len(request_ids):
            if len(part.tasks) >= need or reads >= _MOST_READS:
                return
            request = await self._requests.request(request_ids[part.end.request])
            walk = _RequestWalk(self._requests, request, part, criteria.statuses, need)
            was_whole = await walk.fill()
            reads += walk.reads
            if not was_whole:
                return
            part.end = RosettaPlace(part.end.request + 1)
        part.is_done = True


class _RequestWalk:
    """Walks the scenes of one annotation request."""

    def __init__(
        self,
        requests: AnnotationRequests,
        request: ImportedRequest | None,
        part: RosettaPart,
        statuses: frozenset[TaskStatus] | None,
        need: int,
    ) -> None:
        self._requests = requests
        self._request = request
        self._part = part
        self._statuses = statuses
        self._need = need
        self.reads = 0

    async def fill(self) -> bool:
        """Whether nothing of this request is left for another page."""
        if self._request is None:
            return True
        scenes = self._request.scene_ids
        index = self._part.end.start(scenes)
        while index < len(scenes):
            if len(self._part.tasks) >= self._need:
                return not any(self._may_match(self._request, scene_id) for scene_id in scenes[index:])
            chunk = scenes[index : index + self._chunk_size()]
            if any(self._requests.known(self._request, scene_id) is None for scene_id in chunk):
                if self.reads >= _MOST_READS_A_REQUEST:
                    return False
                self.reads += 1
            ahead = 0 if self._statuses is None else len(scenes) - index
            outcomes = await self._requests.tasks(self._request, chunk, ahead=ahead)
            index = self._take(chunk, index, outcomes)
        return True

    def _chunk_size(self) -> int:
        return self._need - len(self._part.tasks) if self._statuses is None else _LOOKED_AT

    def _take(self, chunk: Sequence[str], index: int, outcomes: dict[str, Outcome]) -> int:
        """Takes scenes of the chunk that begins at `index` until the page is full; the index behind them."""
        for scene_id in chunk:
            if len(self._part.tasks) >= self._need:
                break
            outcome = outcomes.get(scene_id)
            if isinstance(outcome, GatewayError) and not isinstance(outcome, UnusableRecordError):
                raise outcome
            index += 1
            place = RosettaPlace(self._part.end.request, index, digest(scene_id))
            if isinstance(outcome, Task) and self._matches(outcome):
                self._part.add(outcome, place)
            elif isinstance(outcome, UnusableRecordError):
                self._part.left_out.append(outcome)
            self._part.end = place
        return index

    def _matches(self, task: Task) -> bool:
        return self._statuses is None or task.status in self._statuses

    def _may_match(self, request: ImportedRequest, scene_id: str) -> bool:
        task = self._requests.known(request, scene_id)
        return task is None or self._matches(task)
