"""Progress on a terminal: a line that is drawn over itself. Notices go above it."""

import time
from collections.abc import Callable
from typing import TextIO

from schema.errors import BackendFailure, ErrorCode

_WIDTH = 30
_EVERY_S = 0.2
_CLEAR = "\r\x1b[K"
_ADVICE = {ErrorCode.BACKEND_NOT_CONFIGURED: '; set them, or name the backends wanted: "backendIn" in --filter'}


class Progress:
    """Tells people how an export comes along, on `stream`; the bar only where that is a terminal."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._drawn_at = -_EVERY_S
        self.is_shown = stream.isatty()

    def written(self, count: int, total: int | None) -> None:
        now = self._clock()
        if self.is_shown and now - self._drawn_at >= _EVERY_S:
            self._drawn_at = now
            self._say(_CLEAR + bar(count, total, now - self._started))

    def failed(self, failure: BackendFailure) -> None:
        advice = _ADVICE.get(failure.code, "")
        self.notice(f"{failure.backend.name} {failure.code.name}: {failure.message}{advice}")

    def notice(self, text: str) -> None:
        """A line that stays."""
        self._say((_CLEAR if self.is_shown else "") + text + "\n")

    def _say(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def bar(count: int, total: int | None, seconds: float) -> str:
    """The line's text. A total that the list has outgrown, or that is unknown, is left out."""
    rate = f"{count / seconds:,.0f}/s" if seconds > 0 else ""
    if not total or count > total:
        return f"{count:,} tasks {rate}"
    filled = _WIDTH * count // total
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {count:,} of {total:,} tasks {rate}"
