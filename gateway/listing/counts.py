"""How many tasks a list holds. Scale is asked for a page of one, which says how many there are."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.annotation_requests import AnnotationRequests
from gateway.backends.base import UnconfiguredBackend, configured
from gateway.backends.scale import RefusedQueryError, ScaleClient, TaskQuery, in_calls
from gateway.coalescing import ends_by
from gateway.listing.scale_plan import WORDS, base_query, filters_reviews
from gateway.listing.scope import Scope
from schema.backend import Backend
from schema.counts import TaskCounts, status_counts
from schema.errors import ErrorCode, GatewayError, backend_failure
from schema.filter import TaskCriteria
from schema.status import TaskStatus


@dataclass(frozen=True)
class Tally:
    """Counts, as far as they are known; `failure` says why a part is not."""

    total: int | None
    by_status: Mapping[TaskStatus, int]
    failure: GatewayError | None = None


_NOTHING = Tally(0, {})


class TaskCounter:
    """Counts within each backend's deadline; `timeout_s` in seconds."""

    def __init__(
        self,
        requests: AnnotationRequests,
        scale: ScaleClient | UnconfiguredBackend,
        timeout_s: Mapping[Backend, float],
    ) -> None:
        self._requests = requests
        self._scale = scale
        self._timeout_s = timeout_s

    async def total(self, criteria: TaskCriteria, scope: Scope) -> int | None:
        """How many tasks there are over the backends asked; None where one of them does not say."""
        tallies = await asyncio.gather(*(self._tally(it, criteria, True, False) for it in scope.asked))
        totals = [tally.total for tally in tallies]
        known = [total for total in totals if total is not None]
        return sum(known) if totals and len(known) == len(totals) else None

    async def counts(self, criteria: TaskCriteria, scope: Scope, *, total: bool, by_status: bool) -> list[TaskCounts]:
        """One entry a backend that the criteria leave in."""
        backends = [backend for backend in Backend if backend in criteria.backends]

        async def tally(backend: Backend) -> Tally:
            if criteria.matches_nothing:
                return _NOTHING
            if (obstacle := scope.left_out.get(backend)) is not None:
                return Tally(None, {}, obstacle)
            return await self._tally(backend, criteria, total, by_status)

        tallies = await asyncio.gather(*(tally(backend) for backend in backends))
        return [
            TaskCounts(
                backend=backend,
                total=tally.total,
                by_status=status_counts(tally.by_status),
                failure=None if tally.failure is None else backend_failure(tally.failure, backend),
            )
            for backend, tally in zip(backends, tallies, strict=True)
        ]

    async def _tally(self, backend: Backend, criteria: TaskCriteria, total: bool, by_status: bool) -> Tally:
        at = asyncio.get_running_loop().time() + self._timeout_s[backend]
        try:
            async with ends_by(backend, at):
                if backend is Backend.ROSETTA:
                    return await self._of_rosetta(criteria, total, by_status)
                return await _ScaleTally(configured(self._scale), criteria).tally(total, by_status)
        except GatewayError as error:
            return Tally(None, {}, error)

    async def _of_rosetta(self, criteria: TaskCriteria, total: bool, by_status: bool) -> Tally:
        request_ids = criteria.annotation_request_ids or ()
        if not by_status and not total:
            return Tally(None, {})
        if not by_status and criteria.statuses is None:
            requests = await asyncio.gather(*(self._requests.request(it) for it in request_ids))
            return Tally(sum(len(request.scene_ids) for request in requests if request is not None), {})
        counts: Counter[TaskStatus] = Counter()
        for found in await asyncio.gather(*(self._requests.status_counts(it) for it in request_ids)):
            counts.update(found or {})
        wanted = {it: count for it, count in counts.items() if criteria.statuses is None or it in criteria.statuses}
        return Tally(sum(wanted.values()), wanted)


class _ScaleTally:
    """Scale's counts for one filter; each is asked for once."""

    def __init__(self, scale: ScaleClient, criteria: TaskCriteria) -> None:
        self._scale = scale
        self._criteria = criteria
        self._base = base_query(criteria)
        self._wanted = frozenset(TaskStatus) if criteria.statuses is None else criteria.statuses

    async def tally(self, total: bool, by_status: bool) -> Tally:
        """The counts asked for. Raises GatewayError when Scale fails."""
        if filters_reviews(self._criteria):
            return Tally(None, {}, _uncountable("the review status UNKNOWN"))
        if self._base is None:
            return _NOTHING
        statuses = self._needed(total, by_status)
        found = dict(zip(statuses, await asyncio.gather(*(self._count(it) for it in statuses)), strict=True))
        counts = self._by_status(found) if by_status else {}
        failure = _uncountable("the status FAILED") if TaskStatus.FAILED in found and self._lacks_error(found) else None
        return Tally(self._total(found) if total else None, counts, failure)

    def _needed(self, total: bool, by_status: bool) -> list[TaskStatus | None]:
        """The statuses to count, None for all tasks."""
        everything = self._criteria.statuses is None
        needs_unknown = TaskStatus.UNKNOWN in self._wanted
        words = sorted(WORDS if needs_unknown else self._wanted & WORDS, key=lambda status: status.name)
        if everything and not by_status:
            return [None] if total else []
        return [*([None] if needs_unknown else []), *words] if total or by_status else []

    def _by_status(self, found: Mapping[TaskStatus | None, int | None]) -> dict[TaskStatus, int]:
        counts = {it: count for it in WORDS & self._wanted if (count := found.get(it)) is not None}
        if TaskStatus.UNKNOWN in self._wanted and (unknown := self._rest(found, WORDS)) is not None:
            counts[TaskStatus.UNKNOWN] = unknown
        return counts

    def _total(self, found: Mapping[TaskStatus | None, int | None]) -> int | None:
        if self._criteria.statuses is None:
            return found[None]
        if TaskStatus.UNKNOWN in self._wanted:
            return self._rest(found, WORDS - self._wanted)
        counts = [found[status] for status in self._wanted & WORDS]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def _rest(self, found: Mapping[TaskStatus | None, int | None], without: frozenset[TaskStatus]) -> int | None:
        """All tasks but those of these statuses."""
        everything, parts = found[None], [found[status] for status in without]
        known = [count for count in parts if count is not None]
        if everything is None or len(known) < len(parts):
            return None
        return max(0, everything - sum(known))

    def _lacks_error(self, found: Mapping[TaskStatus | None, int | None]) -> bool:
        return found[TaskStatus.FAILED] is None

    async def _count(self, status: TaskStatus | None) -> int | None:
        assert self._base is not None
        base = replace(self._base, status=status, limit=1)
        ids = self._criteria.unique_ids
        queries = [base] if ids is None else [replace(base, unique_ids=group) for group in in_calls(ids)]
        counts = await asyncio.gather(*(self._count_of(query) for query in queries))
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    async def _count_of(self, query: TaskQuery) -> int | None:
        try:
            return (await self._scale.list_task_states(query)).total
        except RefusedQueryError:
            # Scale documents no filter by this status.
            if query.status is TaskStatus.FAILED:
                return None
            raise


def _uncountable(what: str) -> GatewayError:
    message = f"{Backend.SCALE.name} cannot count {what} by itself"
    return GatewayError(ErrorCode.NOT_SUPPORTED, message, backend=Backend.SCALE)
