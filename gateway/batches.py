"""What holds Scale's tasks, as resolvers see it: projects and batches. One reader an operation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from gateway.backends.base import UnconfiguredBackend, configured
from gateway.backends.scale import BatchQuery, BatchStatus, ScaleBatch, ScaleClient
from gateway.coalescing import Coalescer
from schema.cursor import decode_cursor, encode_cursor, foreign_cursor
from schema.project import Batch, BatchPage, Project
from schema.status import TaskStatus

_KIND: Final = "batches"
_MAX_LIMIT: Final = 100
_MAX_OFFSET: Final = 2**53


class OperationPlaces:
    """Fulfils `PlaceReader` for one operation; never outlives it."""

    def __init__(self, scale: ScaleClient | UnconfiguredBackend) -> None:
        self._scale = scale

    @cached_property
    def _statuses(self) -> Coalescer[str, BatchStatus | None]:
        return Coalescer(keeps=True)

    async def projects(self) -> Sequence[Project]:
        listed = await configured(self._scale).projects()
        return [
            Project(name=it.name, type=it.type, created_at=it.created_at, is_archived=it.is_archived)
            for it in listed.projects
        ]

    async def batches(self, project: str | None, *, first: int, after: str | None) -> BatchPage:
        start = _place(project, after)
        walk = _BatchWalk(configured(self._scale), project, *start)
        await walk.fill(first)

        def cursor_behind(count: int) -> str:
            return encode_cursor(_KIND, _fingerprint(project), walk.behind[count - 1] if count else start)

        return BatchPage(
            batches=[_batch(found) for found in walk.batches],
            cursor_behind=cursor_behind,
            has_next=walk.has_more,
            has_previous=after is not None,
            total=walk.total,
        )

    async def batch_status_counts(self, name: str) -> Mapping[TaskStatus, int] | None:
        scale = configured(self._scale)
        status = await self._statuses.run(name, lambda: scale.batch_status(name))
        return None if status is None else status.counts


@dataclass
class _BatchWalk:
    """Batches behind `offset` others, the last of which is called `last`.

    Scale counts from the newest batch, so what is created meanwhile pushes the others down: the page is read from the
    last batch on, which is looked for where it is no longer in its place.
    """

    scale: ScaleClient
    project: str | None
    offset: int
    last: str | None
    batches: list[ScaleBatch] = field(default_factory=list)
    behind: list[tuple[int, str]] = field(default_factory=list)
    total: int | None = None
    has_more: bool = False

    async def fill(self, first: int) -> None:
        """Reads up to `first` batches. Raises GatewayError."""
        if await self._read(first) or self.last is None:
            return
        # The last batch is gone: its place is the best that is known.
        self.last = None
        await self._read(first)

    async def _read(self, first: int) -> bool:
        """Whether the last batch was found, or none was looked for."""
        offset: int | None = max(0, self.offset - 1) if self.last is not None else self.offset
        while offset is not None and len(self.batches) < first:
            # The last batch comes once more.
            limit = min(first - len(self.batches) + (self.last is not None), _MAX_LIMIT)
            page = await self.scale.batches(BatchQuery(project=self.project, limit=limit, offset=offset))
            self.total = page.total
            start = self._start(page.batches)
            for index, batch in enumerate(page.batches[start:], start=offset + start + 1):
                self.batches.append(batch)
                self.behind.append((index, batch.name))
            offset = page.next_offset
        self.has_more = offset is not None
        return self.last is None

    def _start(self, batches: Sequence[ScaleBatch]) -> int:
        """Where on this page the walk goes on; behind it, where the last batch is still to come."""
        if self.last is None:
            return 0
        names = [batch.name for batch in batches]
        if self.last not in names:
            return len(names)
        start = names.index(self.last) + 1
        self.last = None
        return start


def _place(project: str | None, after: str | None) -> tuple[int, str | None]:
    """Offset and last name of a cursor. Raises GatewayError BAD_USER_INPUT for a cursor of another list."""
    if after is None:
        return 0, None
    match decode_cursor(_KIND, _fingerprint(project), after):
        case [int(offset), str(name)] if 0 <= offset <= _MAX_OFFSET:
            return offset, name
    raise foreign_cursor("holds no position")


def _fingerprint(project: str | None) -> str:
    return "" if project is None else f"project {project}"


def _batch(found: ScaleBatch) -> Batch:
    return Batch(name=found.name, status=found.status, project=found.project, created_at=found.created_at)
