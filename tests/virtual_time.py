"""An event loop on which waiting takes no time, for what is all in this process, hanging backends included."""

import asyncio
import selectors


class _NeverWaits(selectors.DefaultSelector):
    """Instead of waiting until something is due it tells the loop that the time has come."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout is not None:
            self.passed_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`loop.time()` in seconds since the loop began. It stands still while anything can run, and then jumps.

    Not for tests with sockets or threads, whose work takes time that this loop does not see.
    """

    def __init__(self) -> None:
        self._selector_of_time = _NeverWaits()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        return self._selector_of_time.passed_s
