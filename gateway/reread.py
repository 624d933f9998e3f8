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
# What was written to a moment ago may be half of what is to come; half a file of keys is a file of fewer keys.
_SETTLED_AFTER_S = 0.25


class RereadFile(Generic[T]):
    """What `read` makes of the file's text, as it stands now.

    Raises OSError, or what `read` raises, when made. Later a file that is gone or wrong is logged, and what was read
    before stays: a deployment that writes half a file must not lock everyone out. `now` is a steady clock and `wall`
    the one that files are dated by, both in seconds.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[str], T],
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._read = read
        self._now = now
        self._wall = wall
        self._stamp = self._look()
        self._value = read(path.read_text("utf-8"))
        self._look_again_at = now() + _LOOK_EVERY_S

    @property
    def value(self) -> T:
        """The latest good reading; looks at the file once a second, and sooner at one that is being written."""
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
            text = self._path.read_text("utf-8")
            if abs(self._wall() - stamp[0] / 1e9) < _SETTLED_AFTER_S or self._look() != stamp:
                self._look_again_at = self._now() + _SETTLED_AFTER_S
                return
            self._value = self._read(text)
            self._stamp = stamp
            _log.info("file reread", path=str(self._path))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the file, the last reading stands
            _log.error("file not reread", path=str(self._path), reason=type(error).__name__)

    def _look(self) -> tuple[int, int, int]:
        stat = os.stat(self._path)
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
