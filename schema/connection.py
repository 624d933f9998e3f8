"""The list of tasks: a connection as Relay has it, and the page behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import strawberry

from schema.context import Info
from schema.errors import BackendFailure
from schema.paging import PageInfo, page_info
from schema.selection import selected
from schema.task import Task

# What a task's state alone answers: Scale's limited_response holds no more.
_STATE_FIELDS = frozenset(
    {
        "__typename",
        "id",
        "backend",
        "reference",
        "scaleTaskId",
        "campaignId",
        "annotationRequestId",
        "sceneId",
        "status",
        "backendStatus",
        "allowedActions",
        "viewUrl",
        "project",
        "metadata",
        "annotationRequest",
        "fetchedAt",
        "isStale",
    }
)


@dataclass(frozen=True)
class Wanted:
    """What a page is wanted for: its total, or only the states of its tasks and no place within it."""

    total: bool = False
    only_states: bool = False


@dataclass(frozen=True, kw_only=True)
class ListedPage:
    """A page as it was read. `cursor_behind(n)` is the cursor behind its n-th task, counted from 1."""

    tasks: Sequence[Task]
    cursor_behind: Callable[[int], str]
    has_next: bool
    has_previous: bool
    total: int | None = None
    failures: Sequence[BackendFailure] = ()


@strawberry.type(description="A task and its place in the list.")
class TaskEdge:
    cursor: str = strawberry.field(description="Opaque; goes with the very filter it came from, and stays valid.")
    node: Task = strawberry.field(description="The task at this place.")


@strawberry.type(description="A page of tasks: Rosetta's first, then Scale's, newest first.")
class TaskConnection:
    page: strawberry.Private[ListedPage]

    @strawberry.field(description="The tasks with their places; at most `first`.")
    def edges(self) -> list[TaskEdge]:
        behind = self.page.cursor_behind
        return [TaskEdge(cursor=behind(place), node=task) for place, task in enumerate(self.page.tasks, start=1)]

    @strawberry.field(description="The tasks without their places; at most `first`.")
    def nodes(self) -> list[Task]:
        return list(self.page.tasks)

    @strawberry.field(description="Where this page stands in the list, and whether there is more.")
    def page_info(self) -> PageInfo:
        return page_info(self.page, len(self.page.tasks))

    @strawberry.field(
        description="How many tasks the whole list holds, over the backends that can answer the filter. Null where "
        "that cannot be known without reading everything, or a backend fails; never 0 for unknown. Read only when "
        "selected."
    )
    def total_count(self) -> int | None:
        return self.page.total

    @strawberry.field(
        description="What could not be answered or read for this page; empty: the page is whole. A backend that "
        "failed keeps its place in the cursor and is asked again for the next page."
    )
    def failures(self) -> list[BackendFailure]:
        return list(self.page.failures)


def wanted_of(info: Info) -> Wanted:
    """What the operation wants of the task connection being resolved."""
    places = selected(info, "edges") | selected(info, "pageInfo")
    tasks = selected(info, "nodes") | selected(info, "edges", "node")
    return Wanted(
        total="totalCount" in selected(info),
        only_states=tasks <= _STATE_FIELDS and places.isdisjoint({"cursor", "startCursor"}),
    )
