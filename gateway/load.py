"""Load: how many operations are being answered, and when that is enough."""

import asyncio
from collections.abc import Collection
from http import HTTPStatus
from typing import Self

from gateway.line import Line
from gateway.refusals import Refusal, refusal

# By then what is in flight is done with; longer would leave the gateway idle after a short burst.
RETRY_AFTER_S = 1


class Load:
    """Counts operations in flight and requests that wait, together at most `most`; 0: without bound.

    An operation that is answered from memory never waits: where they are too many, it is their requests that do, as
    tasks of the server which have not begun. `server_tasks` are all of the server's tasks, where it is known.
    """

    def __init__(self, most: int) -> None:
        self.in_flight = 0
        self.server_tasks: Collection[object] | None = None
        self._begun = 0
        self._most = most
        self._line = Line()

    def begin(self) -> None:
        """The running task, one of the server's, is being run."""
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
        """Requests that have arrived and that nobody has looked at, or that stand in line."""
        unseen = 0 if self.server_tasks is None else max(0, len(self.server_tasks) - self._begun)
        return unseen + len(self._line)

    async def turn(self) -> None:
        """Is over when an operation may begin. Raises a Refusal OVERLOADED where there are too many."""
        line = self._line
        is_full = 0 < self._most <= self.in_flight + self.waiting
        if is_full:
            line.crowd()
        if not line.is_crowded and line.is_open():
            return
        if 0 < self._most <= self.in_flight or not await line.turn(self._most - self.in_flight):
            raise overloaded()

    def place(self) -> Self:
        """For `with`: counts one operation, whose turn it is, while it runs. Raises a Refusal OVERLOADED."""
        return self

    def __enter__(self) -> None:
        if 0 < self._most <= self.in_flight:
            raise overloaded()
        self.in_flight += 1

    def __exit__(self, *_: object) -> None:
        self.in_flight -= 1


def overloaded() -> Refusal:
    """There is more to do than the gateway can."""
    return refusal(
        "OVERLOADED",
        "the gateway has more to do than it can: try again",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(RETRY_AFTER_S)},
        retryAfterSeconds=RETRY_AFTER_S,
    )
