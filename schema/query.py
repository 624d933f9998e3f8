"""Query: what can be asked."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import strawberry

from schema.context import Info
from schema.errors import BackendError, BadInputError, GatewayError, TaskNotFoundError, bad_input, failure_of, not_found
from schema.health import BackendHealth
from schema.node import Node, decode_id
from schema.references import Selector, TaskBy, task_reference, to_selector
from schema.task import Task, TaskLookup

MAX_LIST_ARGUMENT = 100

# Such a field's answers may be kept while its tasks are fresh.
_DEPENDS_ON_TASKS = {"depends_on_tasks": True}


def _bounded(items: Sequence[object], name: str) -> None:
    if len(items) > MAX_LIST_ARGUMENT:
        raise bad_input(f"{name} takes at most {MAX_LIST_ARGUMENT} entries, not {len(items)}", name)


@strawberry.type(description="What can be asked. Needs the scope `read`.")
class Query:
    @strawberry.field(description="Any object by its global id; null where there is no such object.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")]
    ) -> Node | None:
        return await _load_node(info, id)

    @strawberry.field(description="Objects by their global ids, in the order asked for; null where there is none.")
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
        self, info: Info, by: Annotated[TaskBy, strawberry.argument(description="Names the task.")]
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
        by: Annotated[list[TaskBy], strawberry.argument(description="At most 100 names of tasks.")],
    ) -> list[TaskLookup]:
        _bounded(by, "by")
        return await _look_up(info, by)

    @strawberry.field(description="What the gateway has seen of its backends. Asks no backend.")
    def backends(self, info: Info) -> list[BackendHealth]:
        return list(info.context.report.backends())


_Lookup: TypeAlias = Task | TaskNotFoundError | BadInputError | BackendError


async def _look_up(info: Info, by: Sequence[TaskBy]) -> list[_Lookup]:
    """One outcome an item, in their order. All tasks are asked for together."""
    named = [_selected(item, index) for index, item in enumerate(by)]
    selectors = [selector for selector in named if not isinstance(selector, GatewayError)]
    loaded = await info.context.tasks.load_many(selectors)
    if len(loaded) == len(named):
        return [item if isinstance(item, Task) else _outcome(item, info) for item in loaded]
    following = iter(loaded)
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
    reference = task_reference(decode_id(id))
    return None if reference is None else await info.context.tasks.load(reference)


async def _gather_nodes(info: Info, ids: Sequence[str]) -> list[Node | None]:
    return list(await asyncio.gather(*(_load_node(info, id) for id in ids)))
