"""Subscribers: clients that follow tasks over WebSockets, and connect again when they are told to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp

_SUBSCRIPTION = "subscription ($by: [TaskBy!]!) { taskChanged(by: $by) { task { scaleTaskId status } } }"
_AGAIN_S = 0.05


class Subscriber:
    """Follows some tasks; `latest` is the last status that it was told of each.

    `told` is every status it was told: when, by the steady clock, of which task, and whether as a change, not as the
    state in which a new subscription found it.
    """

    def __init__(self, origin: str, task_ids: Sequence[str]) -> None:
        self.latest: dict[str, str] = {}
        self.told: list[tuple[float, str, str, bool]] = []
        self._found: set[str] = set()
        self.connections = 0
        self.completed = 0
        self._url = f"{origin}/graphql"
        self._task_ids = task_ids

    async def follow(self) -> None:
        """Until cancelled; what ends is begun again."""
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    await self._once(http)
                except (aiohttp.ClientError, OSError, TimeoutError):
                    pass
                await asyncio.sleep(_AGAIN_S)

    async def _once(self, http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(self._url, protocols=["graphql-transport-ws"]) as socket:
            await socket.send_json({"type": "connection_init"})
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                await self._heard(socket, json.loads(message.data))

    async def _heard(self, socket: aiohttp.ClientWebSocketResponse, message: dict[str, object]) -> None:
        if message["type"] == "connection_ack":
            self.connections += 1
            self._found.clear()
            by = [{"scaleTaskId": task_id} for task_id in self._task_ids]
            payload = {"query": _SUBSCRIPTION, "variables": {"by": by}}
            await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
        elif message["type"] == "complete":
            self.completed += 1
        elif message["type"] == "next":
            payload_in = message["payload"]
            assert isinstance(payload_in, dict)
            task = (payload_in["data"] or {}).get("taskChanged", {}).get("task")
            if task is not None:
                name, status = task["scaleTaskId"], task["status"]
                self.told.append((time.monotonic(), name, status, name in self._found))
                self._found.add(name)
                self.latest[name] = status


@asynccontextmanager
async def subscribers(origin: str, task_ids: Sequence[str], count: int) -> AsyncIterator[list[Subscriber]]:
    """That many, each following all of the tasks."""
    following = [Subscriber(origin, task_ids) for _ in range(count)]
    tasks = [asyncio.create_task(subscriber.follow()) for subscriber in following]
    try:
        yield following
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
