"""Whose turn it is on this machine, where several workers share the suite out.

A test marked `alone` has real processes whose pace it judges: nothing else runs meanwhile. All others run side by side.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """Any number of ordinary tests at a time, or a single one that is alone; first come, first served."""

    def __init__(self, folder: Path) -> None:
        self._running = folder / "running"
        self._next = folder / "next"

    @contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Waits until the test may run, and keeps its place until it is over."""
        with self._running.open("a") as running:
            # Who waits here is next: else ordinary tests that follow each other would keep the other out for ever.
            with self._next.open("a") as waiting:
                fcntl.flock(waiting, fcntl.LOCK_EX)
                fcntl.flock(running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            try:
                yield
            finally:
                # A process that the test forked may have the file open still.
                fcntl.flock(running, fcntl.LOCK_UN)
