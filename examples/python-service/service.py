"""Looks tasks up, cancels some of them, waits for the others: python service.py http://HOST/graphql < names.json

names.json: {"look_up": [TaskBy, ...], "cancel": [TaskBy, ...], "wait_for": [TaskBy, ...]}. Prints what came of each
task, one JSON object a line.
"""

import asyncio
import json
import os
import sys
from typing import Any

from gateway_client.exceptions import GraphQLClientGraphQLMultiError, GraphQLClientHttpError
from gateway_client.input_types import TaskBy
from persisted import PersistedClient
from reactions import Reaction, reaction
from websockets.exceptions import ConnectionClosed

SETTLED = {"COMPLETED", "FAILED", "DELIVERY_FAILED", "CANCELED"}
AT_ONCE = 100
TRIES = 5


def tell(step: str, index: int, outcome: str, then: Reaction | None = None) -> None:
    """One task's outcome."""
    print(json.dumps({"step": step, "index": index, "outcome": outcome, "then": then and then.name}), flush=True)


async def look_up(client: PersistedClient, tasks: list[TaskBy]) -> None:
    """Every task's own outcome. What may succeed later is asked for again, and only that."""
    waiting = dict(enumerate(tasks))
    for _ in range(TRIES):
        found = (await client.look_up_tasks(by=list(waiting.values()))).lookup_tasks
        again: dict[int, TaskBy] = {}
        wait_s = 0.0
        for index, item in zip(list(waiting), found, strict=True):
            if item.typename__ == "Task":
                tell("look_up", index, item.status.value)
                continue
            then = reaction(item.code.value)
            if then is Reaction.WAIT:
                again[index] = waiting[index]
                wait_s = max(wait_s, getattr(item, "retry_after_seconds", None) or 0.2)
            else:
                tell("look_up", index, item.code.value, then)
        waiting = again
        if not waiting:
            return
        await asyncio.sleep(wait_s)
    for index in waiting:
        tell("look_up", index, "STILL_UNAVAILABLE", Reaction.WAIT)


async def cancel(client: PersistedClient, tasks: list[TaskBy]) -> None:
    """One refusal never stops the rest. Where the outcome is not known, the task itself is asked for."""
    results = (await client.cancel_tasks(tasks=tasks)).cancel_tasks
    for index, result in enumerate(results.results if results else []):
        if not result.errors:
            tell("cancel", index, result.task.status.value if result.task else "UNKNOWN")
        for error in result.errors:
            then = reaction(error.code.value)
            tell("cancel", index, error.code.value, then)
            if then is Reaction.LOOK:
                await look_up(client, [tasks[index]])


async def wait_for(client: PersistedClient, tasks: list[TaskBy]) -> None:
    """Tells each task's last status; nobody polls. A lost connection is made again: it begins with what stands."""
    open_ = set(range(len(tasks)))
    settled = asyncio.Event()
    waiting = asyncio.create_task(settled.wait())
    while open_:
        listening = asyncio.create_task(listen(client, tasks, open_, settled))
        await asyncio.wait([listening, waiting], return_when=asyncio.FIRST_COMPLETED)
        # Cancelling is what closes the generated client's socket in order.
        listening.cancel()
        (ended,) = await asyncio.gather(listening, return_exceptions=True)
        if open_ and not isinstance(ended, ConnectionClosed | OSError):
            raise ended or RuntimeError("the subscription ended before the tasks did")
        await asyncio.sleep(1 if open_ else 0)


async def listen(client: PersistedClient, tasks: list[TaskBy], open_: set[int], settled: asyncio.Event) -> None:
    """Takes from `open_` what is settled."""
    async for event in client.task_changed(by=tasks):
        change = event.task_changed
        if change.index not in open_:
            continue
        if change.error is not None and not change.error.retryable:
            tell("wait_for", change.index, change.error.code.value, reaction(change.error.code.value))
            open_.discard(change.index)
        elif change.task is not None and change.task.status.value in SETTLED:
            tell("wait_for", change.index, change.task.status.value)
            open_.discard(change.index)
        if not open_:
            settled.set()


async def run(url: str, names: dict[str, list[dict[str, Any]]]) -> None:
    token = os.environ.get("GATEWAY_TOKEN")
    client = PersistedClient(
        url=url,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        ws_url=url.replace("http", "ws", 1),
        ws_connection_init_payload={"authorization": f"Bearer {token}"} if token else {},
    )
    tasks = {step: [TaskBy.model_validate(name) for name in given] for step, given in names.items()}
    async with client:
        for start in range(0, len(tasks["look_up"]), AT_ONCE):
            await look_up(client, tasks["look_up"][start : start + AT_ONCE])
        if tasks["cancel"]:
            await cancel(client, tasks["cancel"])
        if tasks["wait_for"]:
            await wait_for(client, tasks["wait_for"])


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        asyncio.run(run(sys.argv[1], json.load(sys.stdin)))
    except GraphQLClientGraphQLMultiError as refused:
        for error in refused.errors:
            code = str((error.extensions or {}).get("code"))
            print(f"{code}: {reaction(code).value}: {error.message}", file=sys.stderr)
        return 1
    except GraphQLClientHttpError as refused:
        answer = refused.response.json() if "json" in refused.response.headers.get("content-type", "") else {}
        for error in answer.get("errors", [{}]):
            code = str(error.get("extensions", {}).get("code", refused.status_code))
            print(f"{code}: {reaction(code).value}: {error.get('message')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
