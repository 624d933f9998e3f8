"""Drain: where the process stands on its way out, and who is to be told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

# Told that its listener's stream ends here: it must not wait.
Dismiss: TypeAlias = Callable[[], None]


class Drain:
    """First not ready, while everything is still served; then `leaving`: listeners are told to go elsewhere."""

    def __init__(self) -> None:
        self.is_draining = False
        self.is_leaving = False
        self._listeners: set[Dismiss] = set()

    def begin(self) -> None:
        """Not ready from now on."""
        self.is_draining = True

    def leave(self) -> None:
        """Tells every listener, and those that come later at once."""
        self.is_draining = self.is_leaving = True
        for dismiss in list(self._listeners):
            dismiss()

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
