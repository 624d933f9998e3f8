"""Subscription: what can be waited for."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from schema.context import Info, Observation
from schema.errors import GatewayError, TaskError, bad_input, failure_of, not_found
from schema.references import Selector, TaskBy, to_selector
from schema.status import TaskStatus
from schema.task import Task

MAX_WATCHED = 100


@strawberry.type(
    description="One of the watched tasks as it now stands, or why it cannot be watched. Several changes that a slow "
    "client did not take in time arrive as one, with the latest state."
)
class TaskChange:
    index: int = strawberry.field(description="Which one: its position in `by`, from 0.")
    observed_at: datetime = strawberry.field(description="When the gateway learnt of it.")
    task: Task | None = strawberry.field(default=None, description="How it now stands; null where there is an `error`.")
    error: TaskError | None = strawberry.field(
        default=None,
        description="Why there is no task: unknown, badly named, or its backend fails. A task whose backend fails "
        "goes on being watched, and is told when it can be read.",
    )
    previous_status: TaskStatus | None = strawberry.field(
        default=None, description="The status that this subscription was told before; null the first time."
    )


@strawberry.type(
    description="What can be waited for, over WebSocket (`graphql-transport-ws`) or server-sent events "
    "(`Accept: text/event-stream`). Needs the scope `read`. After a lost connection subscribe "
    "again: the state comes first, so nothing is missed."
)
class Subscription:
    @strawberry.subscription(
        description="First the state of each task as it stands, then every change of its status or record: from the "
        "backend's callbacks where they arrive, by watching the backend where they do not. Listeners of the same task "
        "share one watch. Completes when none of the tasks can be watched."
    )
    async def task_changed(
        self,
        info: Info,
        by: Annotated[
            list[TaskBy],
            strawberry.argument(description="Names the tasks: at most 100. Of each, `index` tells which one changed."),
        ],
    ) -> AsyncGenerator[TaskChange, None]:
        # No generator itself: what is refused is refused before the stream begins.
        if len(by) > MAX_WATCHED:
            raise bad_input(f"by takes at most {MAX_WATCHED} entries, not {len(by)}", "by")
        return _changes(info, by)


async def _changes(info: Info, by: Sequence[TaskBy]) -> AsyncGenerator[TaskChange, None]:
    request_id, watch = info.context.request_id, info.context.watch
    positions, refused = _positions(by)
    for index, error in refused:
        yield TaskChange(index=index, error=failure_of(error, request_id), observed_at=watch.now())
    async with aclosing(watch.observe(list(positions))) as observations:
        async for observation in observations:
            for index in positions[observation.selector]:
                yield _change(index, observation, request_id)


def _positions(by: Sequence[TaskBy]) -> tuple[dict[Selector, list[int]], list[tuple[int, GatewayError]]]:
    """Where each selector stands in `by`, and which entries name nothing."""
    positions: dict[Selector, list[int]] = {}
    refused: list[tuple[int, GatewayError]] = []
    for index, item in enumerate(by):
        try:
            positions.setdefault(to_selector(item, "by", str(index)), []).append(index)
        except GatewayError as error:
            refused.append((index, error))
    return positions, refused


def _change(index: int, observation: Observation, request_id: str) -> TaskChange:
    outcome = observation.outcome
    if isinstance(outcome, Task):
        return TaskChange(
            index=index,
            task=outcome,
            previous_status=observation.previous_status,
            observed_at=observation.observed_at,
        )
    error = not_found() if outcome is None else failure_of(outcome, request_id)
    return TaskChange(
        index=index, error=error, previous_status=observation.previous_status, observed_at=observation.observed_at
    )
