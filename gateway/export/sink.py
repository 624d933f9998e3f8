"""Sink: where lines go. What is written is whole lines, even where a disk is full."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Sink:
    """A file or a pipe, written without a buffer of our own."""

    def __init__(self, descriptor: int, *, is_file: bool) -> None:
        self._descriptor = descriptor
        self._is_file = is_file

    def write(self, content: bytes) -> None:
        """Writes all of it. Raises OSError; a file then ends where it ended before."""
        start = os.lseek(self._descriptor, 0, os.SEEK_END) if self._is_file else 0
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            if self._is_file:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, start)
            raise


@contextmanager
def open_sink(path: Path | None, *, appends: bool) -> Iterator[Sink]:
    """Standard output for None, else the file, begun anew unless `appends`. Raises OSError."""
    if path is None:
        yield Sink(sys.stdout.fileno(), is_file=False)
        return
    flags = os.O_WRONLY | os.O_CREAT | (0 if appends else os.O_TRUNC) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        yield Sink(descriptor, is_file=path.is_file())
    finally:
        os.close(descriptor)
