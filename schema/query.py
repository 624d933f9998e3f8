"""Query: what can be asked."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, TypeAlias, cast

import strawberry

from schema.annotation_request import KIND as ANNOTATION_REQUEST
from schema.annotation_request import AnnotationRequest
from schema.campaign import KIND as CAMPAIGN
from schema.campaign import Campaign, campaign_name
from schema.connection import TaskConnection, wanted_of
from schema.context import Info
from schema.counts import TaskCounts
from schema.errors import BackendError, BadInputError, GatewayError, TaskNotFoundError, bad_input, failure_of, not_found
from schema.filter import MAX_LIST_ARGUMENT, TaskFilter, to_criteria
from schema.health import BackendHealth
from schema.node import Node, decode_id
from schema.paging import DEFAULT_FIRST, checked_first
from schema.project import BatchConnection, Project
from schema.references import (
    Selector,
    TaskBy,
    annotation_request_id,
    customer_text,
    task_reference,
    to_selector,
    to_selectors,
)
from schema.selection import selected
from schema.task import Task, TaskLookup

_MAX_NAME_BYTES = 2048

After = Annotated[
    str | None,
    strawberry.argument(description="A cursor of this list, with the same other arguments: the page begins behind it."),
]
First = Annotated[int | None, strawberry.argument(description="How many at most: 1 to 100, by default 50.")]
Filter = Annotated[TaskFilter | None, strawberry.argument(description="Which tasks; all where absent.")]

# Such a field's answers may be kept while its tasks are fresh.
_DEPENDS_ON_TASKS = {"depends_on_tasks": True}


def _bounded(items: Sequence[object], name: str) -> None:
    if len(items) > MAX_LIST_ARGUMENT:
        raise bad_input(f"{name} takes at most {MAX_LIST_ARGUMENT} entries, not {len(items)}", name)


@strawberry.type(
    description="What can be asked. Needs the scope `read`. Tasks of both vendors, Rosetta and Scale AI, "
    "have one type and one status here. Begin with `tasks`, `annotationRequest` or "
    "`lookupTasks`; a field that fails is null with an entry in `errors`, and the others stand."
)
class Query:
    @strawberry.field(description="Any object by its global id; null where there is no such object.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")]
    ) -> Node | None:
        return await _load_node(info, id)

    @strawberry.field(
        description="Objects by their global ids, in the order asked for; null where there is none. One that is badly "
        "named or cannot be read is null with an error of its own, and leaves the others whole."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 global ids.")],
    ) -> list[Node | None]:
        _bounded(ids, "ids")
        return await _gather_nodes(info, ids)

    @strawberry.field(
        description="One task. Null: the backend knows no such task. A backend that fails is an entry in `errors`.",
        metadata=_DEPENDS_ON_TASKS,
    )
    async def task(
        self,
        info: Info,
        by: Annotated[TaskBy, strawberry.argument(description="Names the task, by whichever id you have.")],
    ) -> Task | None:
        return await info.context.tasks.load(to_selector(by, "by"))

    @strawberry.field(
        description="Tasks in the order asked for, each with its own outcome: one that is missing, badly named or "
        "whose backend fails leaves the others whole.",
        metadata=_DEPENDS_ON_TASKS,
    )
    async def lookup_tasks(
        self,
        info: Info,
        by: Annotated[
            list[TaskBy], strawberry.argument(description="At most 100 names of tasks. One named twice is read once.")
        ],
    ) -> list[TaskLookup]:
        _bounded(by, "by")
        return await _look_up(info, by)

    @strawberry.field(
        description="Tasks of both backends in one list: those of the annotation requests asked for, in that order, "
        "then Scale's, newest first. A backend that fails leaves the other's part whole and on time."
    )
    async def tasks(
        self, info: Info, filter: Filter = None, first: First = DEFAULT_FIRST, after: After = None
    ) -> TaskConnection | None:
        page = await info.context.lists.page(
            to_criteria(filter), first=checked_first(first), after=after, wanted=wanted_of(info)
        )
        return TaskConnection(page=page)

    @strawberry.field(description="How many tasks there are: one entry a backend that the filter leaves in.")
    async def task_counts(self, info: Info, filter: Filter = None) -> list[TaskCounts] | None:
        wanted = selected(info)
        counts = await info.context.lists.counts(
            to_criteria(filter), total="total" in wanted, by_status="byStatus" in wanted
        )
        return list(counts)

    @strawberry.field(description="A Rosetta annotation request; null: there is none with this id.")
    async def annotation_request(
        self,
        info: Info,
        annotation_request_id: Annotated[
            strawberry.ID, strawberry.argument(description="The id you gave it: 1 to 255 bytes of UTF-8.")
        ],
    ) -> AnnotationRequest | None:
        return await info.context.requests.load(_request_id(annotation_request_id))

    @strawberry.field(description="A Rosetta campaign; null: there is none with this name.")
    async def campaign(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name, which is not its id.")]
    ) -> Campaign | None:
        return await info.context.campaigns.campaign(campaign_name(name, "name"))

    @strawberry.field(description="The Rosetta campaigns of a folder; null: there is no such folder.")
    async def campaigns(
        self,
        info: Info,
        folder_name: Annotated[str, strawberry.argument(description="What the folder is called, compared exactly.")],
    ) -> list[Campaign] | None:
        found = await info.context.campaigns.campaigns_of_folder(campaign_name(folder_name, "folderName"))
        return None if found is None else list(found)

    @strawberry.field(description="All projects of Scale, each once.")
    async def projects(self, info: Info) -> list[Project] | None:
        return list(await info.context.places.projects())

    @strawberry.field(description="Batches of Scale, newest first.")
    async def batches(
        self,
        info: Info,
        project: Annotated[str | None, strawberry.argument(description="Only those of this project.")] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> BatchConnection | None:
        if project is not None:
            customer_text(project, _MAX_NAME_BYTES, "project")
        page = await info.context.places.batches(project, first=checked_first(first), after=after)
        return BatchConnection(page=page)

    @strawberry.field(description="What the gateway has seen of its backends. Asks no backend.")
    def backends(self, info: Info) -> list[BackendHealth]:
        return list(info.context.report.backends())


_Lookup: TypeAlias = Task | TaskNotFoundError | BadInputError | BackendError


async def _look_up(info: Info, by: Sequence[TaskBy]) -> list[_Lookup]:
    """One outcome an item, in their order. All tasks are asked for together."""
    try:
        selectors = to_selectors(by)
    except GatewayError:
        return await _look_up_named(info, by)
    loaded = await info.context.tasks.load_many(selectors)
    return [item if item.__class__ is Task else _outcome(item, info) for item in loaded]


async def _look_up_named(info: Info, by: Sequence[TaskBy]) -> list[_Lookup]:
    """The same where some name nothing."""
    named = [_selected(item, index) for index, item in enumerate(by)]
    selectors = [selector for selector in named if not isinstance(selector, GatewayError)]
    following = iter(await info.context.tasks.load_many(selectors))
    return [_outcome(item if isinstance(item, GatewayError) else next(following), info) for item in named]


def _selected(by: TaskBy, index: int) -> Selector | GatewayError:
    try:
        return to_selector(by)
    except GatewayError as error:
        error.path = ("by", str(index), *error.path)
        return error


def _outcome(loaded: Task | GatewayError | None, info: Info) -> _Lookup:
    if loaded is None:
        return not_found()
    return failure_of(loaded, info.context.request_id) if isinstance(loaded, GatewayError) else loaded


async def _load_node(info: Info, id: str) -> Node | None:
    match parts := decode_id(id):
        case (kind, request_id) if kind == ANNOTATION_REQUEST:
            return await info.context.requests.load(annotation_request_id(request_id, "id"))
        case (kind, name) if kind == CAMPAIGN:
            return await info.context.campaigns.campaign(campaign_name(name, "id"))
    reference = task_reference(parts)
    return None if reference is None else await info.context.tasks.load(reference)


def _request_id(value: str) -> str:
    return annotation_request_id(value, "annotationRequestId")


async def _gather_nodes(info: Info, ids: Sequence[str]) -> list[Node | None]:
    found = await asyncio.gather(*(_node_or_failure(info, id, index) for index, id in enumerate(ids)))
    # GraphQL answers an exception among a list's items with null and an error in that item's place.
    return cast("list[Node | None]", found)


async def _node_or_failure(info: Info, id: str, index: int) -> Node | GatewayError | None:
    try:
        return await _load_node(info, id)
    except GatewayError as error:
        if error.path:
            error.path = ("ids", str(index))
        return error
