"""Scale's part of the list: one or more of Scale's own lists, merged, newest first.

A page that used up exactly what Scale sent goes on with Scale's own cursor. Any other goes on from the last task's
creation time and id, which holds whatever is created, cancelled or completed in between: tasks keep both for life.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from gateway.backends.base import UnconfiguredBackend, configured
from gateway.backends.scale import RefusedQueryError, ScaleClient
from gateway.listing.matching import matches, state_matches
from gateway.listing.part import Part
from gateway.listing.places import ScalePlace
from gateway.listing.scale_plan import ScalePlan, plan_of
from gateway.listing.streams import MAX_LIMIT, Reading, Stream, task_id_of
from gateway.repository import TaskRepository
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.filter import TaskCriteria
from schema.status import TaskStatus
from schema.task import Task

# How often one page may ask each query: behind that it ends short, and the next one goes on.
_MOST_ROUNDS = 30


ScalePart: TypeAlias = Part[ScalePlace]


class ScaleWalk:
    """Fills pages from Scale's lists; whole records they bring go into the cache."""

    def __init__(
        self, scale: ScaleClient | UnconfiguredBackend, repository: TaskRepository, now: Callable[[], datetime]
    ) -> None:
        self._scale = scale
        self._repository = repository
        self._now = now
        self._knows_error = True

    async def fill(self, part: ScalePart, criteria: TaskCriteria, need: int, *, only_states: bool = False) -> None:
        """Puts up to `need` tasks into `part`. Raises GatewayError when the backend fails; what is there stays.

        With `only_states` light records may do, and no place within the page can be told.
        """
        knows_error = self._knows_error and not part.end.scans
        try:
            await self._walk(part, plan_of(criteria, knows_error=knows_error), criteria, need, only_states)
        except RefusedQueryError:
            # Scale documents no filter by this status. Behind a light page only its token says where to go on.
            is_lost = part.end.token is not None and part.end.at is None
            if is_lost or not knows_error or TaskStatus.FAILED not in (criteria.statuses or ()):
                raise
            part.end = replace(part.end, token=None)
            await self._walk(part, plan_of(criteria, knows_error=False), criteria, need, only_states)
            self._knows_error = False

    async def _walk(
        self, part: ScalePart, plan: ScalePlan, criteria: TaskCriteria, need: int, only_states: bool
    ) -> None:
        has_token = part.end.token is not None or part.end.at is None
        is_light = only_states and has_token and len(plan.queries) == 1 and not plan.filters
        reading = Reading(configured(self._scale), self._repository, self._now, is_light)
        streams = [Stream(query, part.end, reading) for query in plan.queries]
        try:
            await _Merge(streams, part, plan, _Sieve(criteria, is_light), need).run()
        finally:
            if len(streams) == 1 and not plan.filters:
                part.total = streams[0].total
            skipped = sum(stream.skipped for stream in streams)
            if skipped:
                part.left_out.append(_left_out(skipped))


class _Sieve:
    """Which tasks go into a page: those that match, each once."""

    def __init__(self, criteria: TaskCriteria, is_light: bool) -> None:
        self.is_light = is_light
        self._criteria = criteria
        self._matches = state_matches if is_light else matches
        self._taken: set[str] = set()

    def lets_through(self, task: Task) -> bool:
        # A task may have moved from one stream to another while they were read.
        return task_id_of(task) not in self._taken and self._matches(task, self._criteria)

    def take(self, task: Task) -> None:
        self._taken.add(task_id_of(task))


class _Merge:
    """Takes tasks from several streams in the order of the list."""

    def __init__(self, streams: Sequence[Stream], part: ScalePart, plan: ScalePlan, sieve: _Sieve, need: int) -> None:
        self._streams = streams
        self._part = part
        self._plan = plan
        self._sieve = sieve
        self._need = need

    async def run(self) -> None:
        """Fills the part, asking for what no stream has waiting."""
        for _ in range(_MOST_ROUNDS):
            self._drain()
            empty = [stream for stream in self._streams if stream.is_empty]
            if not empty:
                self._part.is_done = self._next() is None
                return
            if self._is_full:
                return
            limit = MAX_LIMIT if self._plan.scans else self._need - len(self._part.tasks)
            await _all(stream.read(limit) for stream in empty)
        self._drain()

    @property
    def _is_full(self) -> bool:
        return len(self._part.tasks) >= self._need

    def _drain(self) -> None:
        """Takes what can be taken without asking; behind a full page also what does not fit, to know if more does."""
        while not any(stream.is_empty for stream in self._streams):
            stream = self._next()
            if stream is None or stream.head is None:
                break
            fits = self._sieve.lets_through(stream.head[1])
            if fits and self._is_full:
                return
            key, task = stream.pop()
            # A light record tells no creation time, hence no key.
            place = ScalePlace(None if self._sieve.is_light else key, scans=self._plan.scans)
            if fits:
                self._sieve.take(task)
                self._part.add(task, place)
            self._part.end = place
        self._end_with_token()

    def _next(self) -> Stream | None:
        """The stream whose waiting task comes first."""
        waiting = [(stream.head[0], index) for index, stream in enumerate(self._streams) if stream.head is not None]
        return self._streams[min(waiting)[1]] if waiting else None

    def _end_with_token(self) -> None:
        """Where the only stream is used up, Scale's own cursor says where to go on."""
        if len(self._streams) != 1:
            return
        (stream,) = self._streams
        if stream.token is not None and stream.head is None and not stream.is_skipping:
            self._part.end = replace(self._part.end, token=stream.token, scans=self._plan.scans)


async def _all(reads: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Every read, side by side; then the first failure is raised."""
    for result in await asyncio.gather(*reads, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _left_out(count: int) -> GatewayError:
    message = f"{Backend.SCALE.name} sent {count} records without id or status; they are left out"
    return GatewayError(ErrorCode.BACKEND_BAD_RESPONSE, message, backend=Backend.SCALE)
