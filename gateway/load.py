"""Load: how many operations are being answered, and when that is enough."""

import asyncio
from collections.abc import Collection
from http import HTTPStatus
from typing import Self

from gateway.refusals import Refusal, refusal

# By then what is in flight is done with; longer would leave the gateway idle after a short burst.
RETRY_AFTER_S = 1


class Load:
    """Counts operations in flight and requests that wait for their turn, together at most `most`; 0: without bound.

    An operation that is answered from memory never waits: where they are too many, it is their requests that do, as
    tasks of the server which have not begun. `server_tasks` are all of the server's tasks, where it is known.
    """

    def __init__(self, most: int) -> None:
        self.in_flight = 0
        self.server_tasks: Collection[object] | None = None
        self._begun = 0
        self._most = most

    def begin(self) -> None:
        """The running task, one of the server's, has its turn."""
        task = asyncio.current_task()
        if self.server_tasks is None or task is None:
            return
        self._begun += 1
        # The server forgets its task when it is done, and in the event loop's next turn: so must we.
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._begun -= 1

    @property
    def waiting(self) -> int:
        """Requests that have arrived and not had their turn."""
        return 0 if self.server_tasks is None else max(0, len(self.server_tasks) - self._begun)

    def place(self) -> Self:
        """For `with`: holds one place. Raises a Refusal OVERLOADED when there is none: nobody waits in line."""
        return self

    def __enter__(self) -> None:
        self.check()
        self.in_flight += 1

    def __exit__(self, *_: object) -> None:
        self.in_flight -= 1

    def check(self) -> None:
        """Raises a Refusal OVERLOADED when there is no place."""
        if 0 < self._most <= self.in_flight + self.waiting:
            raise overloaded()


def overloaded() -> Refusal:
    """There is more to do than the gateway can."""
    return refusal(
        "OVERLOADED",
        "the gateway has more to do than it can: try again",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(RETRY_AFTER_S)},
        retryAfterSeconds=RETRY_AFTER_S,
    )
