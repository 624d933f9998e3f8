"""The emulated Rosetta as one object: its state, its application, its faults, its life."""

from collections.abc import Callable
from datetime import datetime

from starlette.types import ASGIApp

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Faults
from gateway.sandbox.rosetta.app import RosettaApp
from gateway.sandbox.rosetta.lifecycle import Lifecycle
from gateway.sandbox.rosetta.options import RosettaOptions
from gateway.sandbox.rosetta.records import SceneTask
from gateway.sandbox.rosetta.store import RosettaStore

DEFAULT_OPTIONS = RosettaOptions()
STEP_S = 1.0


class RosettaSandbox:
    """Rosetta in memory, empty until seeded; the base URL ends in `/rosetta-open`.

    `wall_time` is what signatures are checked against, by default the sandbox clock: give the real time where
    the clock is advanced by hand and clients sign with the real one.
    """

    def __init__(
        self,
        clock: SandboxClock,
        *,
        access_key: str,
        secret_key: str,
        options: RosettaOptions = DEFAULT_OPTIONS,
        wall_time: Callable[[], datetime] | None = None,
    ) -> None:
        self.clock = clock
        self.store = RosettaStore(clock)
        self._lifecycle = Lifecycle(self.store)
        self._rosetta = RosettaApp(
            self.store,
            clock=clock,
            access_key=access_key,
            secret_key=secret_key,
            options=options,
            wall_time=clock.now if wall_time is None else wall_time,
        )
        self.faults = Faults(clock)
        self.app: ASGIApp = self.faults.wrap(self._rosetta)

    @property
    def options(self) -> RosettaOptions:
        """The reading of the API in force; assign another one at any time."""
        return self._rosetta.options

    @options.setter
    def options(self, options: RosettaOptions) -> None:
        self._rosetta.options = options

    def refuse(self, operation: str, code: int, *, times: int = 1, after: bool = False) -> None:
        """The next calls of an operation, such as `POST /task/get`, are answered with a business code.

        The operation is the method and the documented path, for instance `GET /campaign/{campaignName}`.
        With `after` the call takes effect all the same. Signatures are checked first.
        """
        for _ in range(times):
            self._rosetta.refuse_next(operation, code, after=after)

    def step(self) -> list[SceneTask]:
        """Imports and moves what is due at the clock's present time; returns the tasks that moved."""
        self.store.import_due()
        return self._lifecycle.step(self.clock.now())

    async def run(self) -> None:
        """Steps once a second until cancelled."""
        while True:
            await self.clock.sleep(STEP_S)
            self.step()
