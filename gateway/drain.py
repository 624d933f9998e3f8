"""Drain: where the process stands on its way out, and who is to be told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeAlias

from gateway.refusals import Refusal, refusal

# Told that its listener's stream ends here: it must not wait.
Dismiss: TypeAlias = Callable[[], None]

# By then whoever sends requests here has noticed.
_RETRY_AFTER_S = 1


class Drain:
    """First not ready, while everything is still served; then `leaving`: listeners are told to go elsewhere. When it
    `is_over`, what is still under way is cancelled.
    """

    def __init__(self) -> None:
        self.is_draining = False
        self.is_leaving = False
        self.is_over = False
        self._listeners: set[Dismiss] = set()

    def begin(self) -> None:
        """Not ready from now on."""
        self.is_draining = True

    def leave(self) -> None:
        """Tells every listener, and those that come later at once."""
        self.is_draining = self.is_leaving = True
        for dismiss in list(self._listeners):
            dismiss()

    def end(self) -> None:
        """There is no time left: a request that is cancelled from now on is to be told why."""
        self.is_over = True

    @contextmanager
    def listening(self, dismiss: Dismiss) -> Iterator[None]:
        """Has `dismiss` called once when the process leaves."""
        if self.is_leaving:
            dismiss()
        self._listeners.add(dismiss)
        try:
            yield
        finally:
            self._listeners.discard(dismiss)

    @property
    def listeners(self) -> int:
        """How many are listening."""
        return len(self._listeners)


def cut_off() -> Refusal:
    """The time to finish is over. Unlike other refusals it may come after something was done."""
    return refusal(
        "OVERLOADED",
        "the gateway stops and could not finish this in time: try again; what writes may have been done",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(_RETRY_AFTER_S)},
        retryAfterSeconds=_RETRY_AFTER_S,
    )
