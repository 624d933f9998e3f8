"""Project and Batch: what holds Scale's tasks, for filter pickers and progress."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import strawberry

from schema.context import Info
from schema.counts import TaskStatusCount, status_counts
from schema.paging import PageInfo, page_info


@strawberry.type(description="A project of Scale: its tasks are of one type.")
class Project:
    name: str = strawberry.field(description="What tasks and filters call it by.")
    type: str | None = strawberry.field(
        default=None, description="The type of its tasks, in Scale's word: imageannotation, multistage and so on."
    )
    created_at: datetime | None = strawberry.field(default=None, description="When it was created.")
    is_archived: bool | None = strawberry.field(default=None, description="Whether it is put away.")


@strawberry.type(description="A batch of Scale: tasks of one project that were created together.")
class Batch:
    name: str = strawberry.field(description="What tasks and filters call it by.")
    status: str = strawberry.field(description="Scale's own word: staging, in_progress, completed.")
    project: str | None = strawberry.field(default=None, description="The name of the project it belongs to.")
    created_at: datetime | None = strawberry.field(default=None, description="When it was created.")

    @strawberry.field(
        description="How many of its tasks stand where, as Scale counts them; read only when selected, one call a "
        "batch. Null where Scale no longer knows the batch."
    )
    async def status_counts(self, info: Info) -> list[TaskStatusCount] | None:
        counts = await info.context.places.batch_status_counts(self.name)
        return None if counts is None else status_counts(counts)


@dataclass(frozen=True, kw_only=True)
class BatchPage:
    """As `ListedPage`, of batches."""

    batches: Sequence[Batch]
    cursor_behind: Callable[[int], str]
    has_next: bool
    has_previous: bool
    total: int | None


@strawberry.type(description="A batch and its place in the list.")
class BatchEdge:
    cursor: str = strawberry.field(description="Opaque; goes with the very arguments it came from.")
    node: Batch = strawberry.field(description="The batch at this place.")


@strawberry.type(description="A page of Scale's batches, newest first.")
class BatchConnection:
    page: strawberry.Private[BatchPage]

    @strawberry.field(description="The batches with their places; at most `first`.")
    def edges(self) -> list[BatchEdge]:
        behind = self.page.cursor_behind
        return [BatchEdge(cursor=behind(place), node=batch) for place, batch in enumerate(self.page.batches, start=1)]

    @strawberry.field(description="The batches without their places; at most `first`.")
    def nodes(self) -> list[Batch]:
        return list(self.page.batches)

    @strawberry.field(description="Where this page stands in the list, and whether there is more.")
    def page_info(self) -> PageInfo:
        return page_info(self.page, len(self.page.batches))

    @strawberry.field(description="How many batches there are; null where Scale does not say.")
    def total_count(self) -> int | None:
        return self.page.total
