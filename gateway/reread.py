"""A file that is read again when it changes."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

_log = structlog.get_logger(__name__)

T = TypeVar("T")
# How often the file's date is looked at: soon enough for an operator, rare enough for every request to ask.
_LOOK_EVERY_S = 1.0


class RereadFile(Generic[T]):
    """What `read` makes of the file's text, as it stands now.

    Raises OSError, or what `read` raises, when made. Later a file that is gone or wrong is logged, and what was read
    before stays: a deployment that writes half a file must not lock everyone out.
    """

    def __init__(self, path: Path, read: Callable[[str], T], now: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._read = read
        self._now = now
        self._stamp = self._look()
        self._value = read(path.read_text("utf-8"))
        self._look_again_at = now() + _LOOK_EVERY_S

    @property
    def value(self) -> T:
        """The latest good reading; looks at the file at most once a second."""
        now = self._now()
        if now >= self._look_again_at:
            self._look_again_at = now + _LOOK_EVERY_S
            self._refresh()
        return self._value

    def _refresh(self) -> None:
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return
            self._value = self._read(self._path.read_text("utf-8"))
            self._stamp = stamp
            _log.info("file reread", path=str(self._path))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the file, the last reading stands
            _log.error("file not reread", path=str(self._path), reason=type(error).__name__)

    def _look(self) -> tuple[int, int, int]:
        stat = os.stat(self._path)
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
