"""Walking a list of the gateway page by page, as a client does."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.gateway.world import World

PAGE = """query($filter: TaskFilter, $first: Int, $after: String) {
  tasks(filter: $filter, first: $first, after: $after) {
    edges { cursor node { id backend status scaleTaskId sceneId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    failures { backend code message retryable }
  }
}"""

_MOST_PAGES = 500


async def page(gateway: World, filter: object = None, first: int = 100, after: str | None = None) -> dict[str, Any]:
    """One page of `tasks`."""
    data = await gateway.data(PAGE, filter=filter, first=first, after=after)
    found: dict[str, Any] = data["tasks"]
    return found


async def walk(
    gateway: World,
    filter: object = None,
    first: int = 100,
    between: Callable[[int], Awaitable[None]] | None = None,
) -> list[dict[str, Any]]:
    """The nodes of every page, in their order; `between` is called with the number of each page that was read."""
    nodes: list[dict[str, Any]] = []
    after = None
    for number in range(1, _MOST_PAGES):
        found = await page(gateway, filter, first, after)
        nodes += [edge["node"] for edge in found["edges"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            return nodes
        if between is not None:
            await between(number)
    raise AssertionError("the walk does not end")


def scale_ids(gateway: World) -> list[str]:
    """Every task id that the emulator holds, in the order of the list."""
    return [row.task_id for row in gateway.sandbox.scale.store.tasks()]


def names(nodes: list[dict[str, Any]]) -> list[str]:
    """What names each node in its backend."""
    return [node["scaleTaskId"] or node["sceneId"] for node in nodes]
