"""BackendLister: pages over both backends. One that fails leaves the other's part whole, and on time."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from gateway.coalescing import ends_by
from gateway.listing.counts import TaskCounter
from gateway.listing.part import Part
from gateway.listing.places import Position, RosettaPlace, ScalePlace, to_cursor, to_position
from gateway.listing.rosetta import RosettaWalk
from gateway.listing.scale import ScaleWalk
from gateway.listing.scale_plan import plan_of
from gateway.listing.scope import Scope, scope_of
from schema.backend import Backend
from schema.connection import ListedPage, Wanted
from schema.counts import TaskCounts
from schema.errors import BackendFailure, ErrorCode, GatewayError, backend_failure
from schema.filter import TaskCriteria

# A backend may answer at the very last moment, and what it then says still counts.
_SLACK_S = 0.05
# The share of the shorter deadline after which Scale is asked although Rosetta may yet fill the page.
_PATIENCE = 0.1


@dataclass(frozen=True)
class Walks:
    """What fills pages and counts, and each backend's client and deadline in seconds."""

    rosetta: RosettaWalk
    scale: ScaleWalk
    counter: TaskCounter
    clients: Mapping[Backend, object]
    timeout_s: Mapping[Backend, float]


class BackendLister:
    """Fulfils `TaskLister`."""

    def __init__(self, walks: Walks) -> None:
        self._walks = walks

    async def page(self, criteria: TaskCriteria, *, first: int, after: str | None, wanted: Wanted) -> ListedPage:
        """The page of up to `first` tasks behind the cursor `after`."""
        position = to_position(criteria, after)
        scope = scope_of(criteria, self._walks.clients)
        if criteria.matches_nothing:
            return _empty(criteria, position, has_previous=after is not None)
        making = _PageInTheMaking(self._walks, criteria, position, scope, first)
        return await making.make(wanted, has_previous=after is not None)

    async def counts(self, criteria: TaskCriteria, *, total: bool, by_status: bool) -> list[TaskCounts]:
        """One entry a backend that the criteria leave in."""
        scope = scope_of(criteria, self._walks.clients)
        return await self._walks.counter.counts(criteria, scope, total=total, by_status=by_status)


class _PageInTheMaking:
    """One page: what each backend has put into it, and until when each may."""

    def __init__(self, walks: Walks, criteria: TaskCriteria, position: Position, scope: Scope, first: int) -> None:
        self._walks = walks
        self._criteria = criteria
        self._scope = scope
        self._first = first
        self._rosetta: Part[RosettaPlace] = Part(position.rosetta, position.rosetta)
        self._scale: Part[ScalePlace] = Part(position.scale, position.scale)
        now = asyncio.get_running_loop().time()
        self._deadlines = {backend: now + seconds + _SLACK_S for backend, seconds in walks.timeout_s.items()}

    async def make(self, wanted: Wanted, *, has_previous: bool) -> ListedPage:
        """The page as a client gets it."""
        counting = None
        if wanted.total and not self._counts_itself:
            counting = asyncio.create_task(self._walks.counter.total(self._criteria, self._scope))
        try:
            await self._fill(wanted)
            total = self._scale.total if counting is None else await counting
        finally:
            await _stopped(counting)
        return self._page(total if wanted.total else None, has_previous=has_previous)

    @property
    def _counts_itself(self) -> bool:
        """Whether the page's own answer brings the list's total: then nothing else needs to be asked for it."""
        plan = plan_of(self._criteria)
        from_start = self._scale.start.at is None or self._scale.start.token is not None
        return self._scope.asked == {Backend.SCALE} and len(plan.queries) == 1 and not plan.filters and from_start

    async def _fill(self, wanted: Wanted) -> None:
        """Rosetta's part, then from Scale what is missing; a slow Rosetta does not keep Scale waiting."""
        if Backend.ROSETTA not in self._scope.asked:
            await self._fill_from_scale(self._first, wanted.only_states)
            return
        rosetta = asyncio.create_task(self._fill_from_rosetta())
        scale: asyncio.Task[None] | None = None
        try:
            await asyncio.wait([rosetta], timeout=_PATIENCE * min(self._walks.timeout_s.values()))
            if not rosetta.done():
                scale = asyncio.create_task(self._fill_from_scale(self._first, False))
                await asyncio.wait([rosetta])
            await rosetta
            if self._room and scale is not None:
                await scale
            elif self._room:
                await self._fill_from_scale(self._room, wanted.only_states)
        finally:
            await _stopped(rosetta, scale)

    @property
    def _room(self) -> int:
        """How many tasks of Scale the page has room for."""
        return self._first - len(self._rosetta.tasks)

    async def _fill_from_rosetta(self) -> None:
        reading = self._walks.rosetta.fill(self._rosetta, self._criteria, self._first)
        await self._in_time(Backend.ROSETTA, self._rosetta, reading)

    async def _fill_from_scale(self, need: int, only_states: bool) -> None:
        if Backend.SCALE in self._scope.asked:
            reading = self._walks.scale.fill(self._scale, self._criteria, need, only_states=only_states)
            await self._in_time(Backend.SCALE, self._scale, reading)

    async def _in_time(
        self, backend: Backend, part: Part[RosettaPlace] | Part[ScalePlace], reading: Awaitable[None]
    ) -> None:
        try:
            async with ends_by(backend, self._deadlines[backend]):
                await reading
        except GatewayError as error:
            part.failure = error

    def _page(self, total: int | None, *, has_previous: bool) -> ListedPage:
        rosetta, scale, room = self._rosetta, self._scale, self._room
        tasks = [*rosetta.tasks, *scale.tasks[:room]]

        def cursor_behind(count: int) -> str:
            of_scale = max(0, count - len(rosetta.tasks))
            place = scale.place_behind(of_scale) if room and count >= len(rosetta.tasks) else scale.start
            return to_cursor(self._criteria, Position(rosetta.place_behind(count), place))

        return ListedPage(
            tasks=tasks,
            cursor_behind=cursor_behind,
            has_next=any(self._has_more(backend) for backend in self._scope.asked),
            has_previous=has_previous,
            total=total,
            failures=self._failures(),
        )

    def _has_more(self, backend: Backend) -> bool:
        if backend is Backend.ROSETTA:
            return not self._rosetta.is_done and not _is_refused(self._rosetta.failure)
        is_all_used = self._scale.is_done and len(self._scale.tasks) <= self._room
        return not is_all_used and not _is_refused(self._scale.failure)

    def _failures(self) -> list[BackendFailure]:
        """Each failure once: what could not be asked, what failed, which records were left out."""
        found = [(backend, error) for backend, error in self._scope.left_out.items()]
        found += _failures_of(Backend.ROSETTA, self._rosetta)
        if self._room:
            found += _failures_of(Backend.SCALE, self._scale)
        failures = {(backend, error.code, error.message): backend_failure(error, backend) for backend, error in found}
        return list(failures.values())


def _failures_of(backend: Backend, part: Part[RosettaPlace] | Part[ScalePlace]) -> list[tuple[Backend, GatewayError]]:
    failures = part.left_out if part.failure is None else [*part.left_out, part.failure]
    return [(backend, error) for error in failures]


def _is_refused(failure: GatewayError | None) -> bool:
    """Whether asking again would only be refused again: nobody should walk on for that."""
    return failure is not None and failure.code is ErrorCode.BAD_USER_INPUT


def _empty(criteria: TaskCriteria, position: Position, *, has_previous: bool) -> ListedPage:
    """The page of a list that nothing can be in."""
    return ListedPage(
        tasks=(),
        cursor_behind=lambda count: to_cursor(criteria, position),
        has_next=False,
        has_previous=has_previous,
        total=0,
    )


async def _stopped(*tasks: asyncio.Task[None] | asyncio.Task[int | None] | None) -> None:
    """No task is left running."""
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
