"""Live: what watches, hears and tells, put together. Part of `create_app`, and used by it alone."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from gateway.backends.base import ChangeSweep
from gateway.events import Broker
from gateway.inbox import Inbox
from gateway.pace import Pace
from gateway.replicas import Replicas
from gateway.repository import TaskRepository
from gateway.watcher import Watcher
from schema.backend import Backend


class Live:
    """`broker` is what subscriptions listen to, `inbox` what webhooks feed.

    `sleep` waits between two rounds, in seconds of `clock`; `now` is the wall clock.
    """

    def __init__(
        self,
        repository: TaskRepository,
        pace: Pace,
        replicas: Replicas,
        sweeps: Mapping[Backend, ChangeSweep],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        count_callback: Callable[[str], None],
    ) -> None:
        self.broker = Broker(now)
        self.watcher = Watcher(
            self.broker,
            repository,
            pace,
            replicas,
            sweeps,
            clock=clock,
            sleep=sleep,
            chance=random.random,
        )
        self.inbox = Inbox(repository, self.watcher.news, clock, sleep, count_callback)
        repository.on_change.append(self.watcher.changed)
        self._replicas = replicas

    async def run(self) -> None:
        """Watches, and follows callbacks, until cancelled; nothing is left running then."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.watcher.run())
                group.create_task(self.inbox.run())
        finally:
            await self._replicas.aclose()
