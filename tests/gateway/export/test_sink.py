"""What is written is whole lines, and progress is for terminals."""

import io
import os
from pathlib import Path

import pytest

from gateway.export.progress import Progress, bar
from gateway.export.sink import Sink, open_sink
from schema.errors import ErrorCode
from tests.gateway.export.pages import failure


def test_a_file_is_begun_anew_or_gone_on_with(tmp_path: Path) -> None:
    """Without a cursor the file is new; with one, lines go below those that are there."""
    path = tmp_path / "tasks.ndjson"
    path.write_bytes(b"old\n")

    for appends, line in ((False, b"first\n"), (True, b"second\n")):
        with open_sink(path, appends=appends) as sink:
            sink.write(line)

    assert path.read_bytes() == b"first\nsecond\n"


def test_no_half_line_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle of a page leaves the file as it was before the page."""
    path = tmp_path / "tasks.ndjson"
    write = os.write
    written: list[int] = []

    def full_soon(descriptor: int, content: memoryview) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(write(descriptor, content[:5]))
        return 5

    with open_sink(path, appends=False) as sink:
        sink.write(b"whole\n")
        monkeypatch.setattr(os, "write", full_soon)
        with pytest.raises(OSError, match="No space left"):
            sink.write(b"another line\n")

    assert path.read_bytes() == b"whole\n"


def test_a_pipe_takes_everything() -> None:
    """A pipe takes what it can at once; the rest follows."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    Sink(writing, is_file=False).write(b"line\n" * 100)

    assert os.read(reading, 1000) == b"line\n" * 100
    os.close(reading)
    os.close(writing)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal() -> None:
    """The bar is drawn over itself at most five times a second; notices stay above it."""
    seconds = iter([0.0, 1.0, 1.1, 2.0])
    terminal = _Terminal()
    progress = Progress(terminal, lambda: next(seconds))

    for count in (100, 200, 300):
        progress.written(count, 1000)
    progress.failed(failure(ErrorCode.BACKEND_UNAVAILABLE, retryable=True))

    first, second, notice = terminal.getvalue().split("\r\x1b[K")[1:]
    assert first == "[###...........................] 100 of 1,000 tasks 100/s"
    assert second == "[#########.....................] 300 of 1,000 tasks 150/s"
    assert notice == "SCALE BACKEND_UNAVAILABLE: made up\n"


def test_no_progress_in_a_pipe() -> None:
    """A log gets notices alone."""
    pipe = io.StringIO()
    progress = Progress(pipe, lambda: 0.0)

    progress.written(100, 1000)
    progress.notice("1000 tasks written")

    assert pipe.getvalue() == "1000 tasks written\n"


def test_bar_without_a_total() -> None:
    """A total that is unknown, or that the list has outgrown, is not drawn."""
    assert bar(1200, None, 2) == "1,200 tasks 600/s"
    assert bar(1200, 1000, 2) == "1,200 tasks 600/s"
