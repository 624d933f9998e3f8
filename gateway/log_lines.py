"""Log lines on their way out: many in one write, in order, none lost when the process ends."""

import asyncio
import atexit
import threading
from datetime import UTC, datetime
from typing import IO

_LONGEST_WAIT_S = 0.1
_MOST_BYTES = 32 * 1024


class LogLines:
    """A text stream for a logging handler, and a buffer for the lines of operations.

    A line that waits goes out within 0.1 s of the running event loop's time, when 32 KiB have come together, before
    anything that is written at once, and when the process ends in any way but a kill.
    """

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._lock = threading.Lock()
        atexit.register(self.flush)

    def add(self, line: bytes) -> None:
        """Takes one line, its end included. To be called in the event loop's thread; without a loop it is written."""
        with self._lock:
            self._waiting.append(line)
            self._bytes += len(line)
            is_first, is_full = len(self._waiting) == 1, self._bytes >= _MOST_BYTES
        if is_full:
            self.flush()
        elif is_first:
            try:
                asyncio.get_running_loop().call_later(_LONGEST_WAIT_S, self.flush)
            except RuntimeError:
                self.flush()

    def write(self, text: str) -> None:
        """Writes at once, behind what waits. Part of what logging asks of a stream."""
        with self._lock:
            self._waiting.append(text.encode("utf-8", "backslashreplace"))
        self.flush()

    def flush(self) -> None:
        """Writes what waits. A stream that takes nothing any more is no reason to fail: nobody reads it."""
        with self._lock:
            lines, self._waiting, self._bytes = self._waiting, [], 0
            try:
                self._out.write(b"".join(lines))
                self._out.flush()
            except (OSError, ValueError):
                return


class Timestamps:
    """Moments as `2026-03-01T10:20:30.123456Z`; the second's part is made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def of(self, seconds: float) -> str:
        """`seconds` are since 1970."""
        second = int(seconds)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._text}{int((seconds - second) * 1_000_000):06d}Z"
