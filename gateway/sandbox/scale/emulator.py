"""One emulated Scale account, put together."""

import asyncio

from starlette.types import ASGIApp

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Faults
from gateway.sandbox.scale.app import ScaleApp, routes
from gateway.sandbox.scale.callbacks import CallbackSender, Deliver
from gateway.sandbox.scale.creation import TaskCreation
from gateway.sandbox.scale.lifecycle import Lifecycle
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.places import PlaceReads
from gateway.sandbox.scale.reads import TaskReads
from gateway.sandbox.scale.store import ScaleStore
from gateway.sandbox.scale.wire import error_body
from gateway.sandbox.scale.writes import TaskWrites

_STEP_S = 1.0
_DELIVERY_S = 0.25


class ScaleSandbox:
    """Scale's API over tasks in memory.

    `app` answers it under /v1, with `faults` in front. A key that starts with `test_` makes created tasks complete
    at once, as documented; with any other key they stay pending and move when stepped.
    """

    def __init__(
        self,
        clock: SandboxClock,
        *,
        api_key: str = "test_example_key",
        callback_auth_key: str = "test_callback_auth_key",
        options: ScaleOptions | None = None,
        deliver: Deliver | None = None,
    ) -> None:
        options = options or ScaleOptions()
        self.clock = clock
        self.api_key = api_key
        self.callback_auth_key = callback_auth_key
        self.options = options
        self.faults = Faults(clock, error_body=error_body)
        self.store = ScaleStore(clock, random_seed=options.random_seed)
        self.lifecycle = Lifecycle(self.store, clock, options)
        self.callbacks = CallbackSender(self.store, clock, callback_auth_key, options, deliver)
        self.store.on_event = self.callbacks.enqueue
        self.app: ASGIApp = self.faults.wrap(self._app())

    def step(self) -> None:
        """Moves the tasks that are due to move at the clock's current time."""
        self.lifecycle.step()

    async def deliver_callbacks(self) -> int:
        """Tries every callback that is due, once, and returns how many were taken."""
        return await self.callbacks.deliver_due()

    async def run(self) -> None:
        """Moves tasks and delivers callbacks until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_stepping())
            group.create_task(self._keep_delivering())

    async def _keep_stepping(self) -> None:
        while True:
            self.step()
            await self.clock.sleep(_STEP_S)

    async def _keep_delivering(self) -> None:
        while True:
            await self.deliver_callbacks()
            await self.clock.sleep(_DELIVERY_S)

    def _app(self) -> ScaleApp:
        creation = TaskCreation(
            store=self.store,
            clock=self.clock,
            options=self.options,
            faults=self.faults,
            is_test=self.api_key.startswith("test_"),
            on_created=self.lifecycle.follow,
        )
        table = routes(
            TaskReads(self.store, self.options),
            TaskWrites(self.store, self.options, self.callbacks.enqueue),
            creation,
            PlaceReads(self.store),
        )
        return ScaleApp(table, api_key=self.api_key, accept_bearer=self.options.accept_bearer)
