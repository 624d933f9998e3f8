"""The export as a command: signals, sink, progress, exit code."""

import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.export.exporter import Ending, Exporter
from gateway.export.progress import Progress
from gateway.export.rows import Format, header, lines
from gateway.export.sink import Sink, open_sink
from schema.context import TaskLister
from schema.filter import TaskCriteria
from schema.task import Task

_FAILED = 1


@dataclass(frozen=True)
class ExportOptions:
    """What to export, how, where to (standard output for None), and behind which cursor."""

    criteria: TaskCriteria
    format: Format
    output: Path | None
    after: str | None


async def export(lister: TaskLister, options: ExportOptions) -> int:
    """Runs one export; 0 where the whole list is written. Raises GatewayError for a cursor of another list."""
    progress = Progress(sys.stderr)
    with open_sink(options.output, appends=options.after is not None) as sink, _stopped_by_signals() as stop:
        page = _Page(sink, options)
        exporter = Exporter(lister, options.criteria, page.write, progress, stop, wants_total=progress.is_shown)
        try:
            ending = await exporter.run(options.after)
        except OSError as error:
            progress.notice(f"cannot write: {error.strerror}")
            ending = Ending(exporter.cursor, exporter.count)
    progress.notice(_last_words(ending))
    return 0 if ending.is_whole else _FAILED


class _Page:
    """Writes the tasks of a page as lines, the header above the very first of them."""

    def __init__(self, sink: Sink, options: ExportOptions) -> None:
        self._sink = sink
        self._format = options.format
        self._above = b"" if options.after is not None else header(options.format)

    def write(self, tasks: Sequence[Task]) -> None:
        self._sink.write(self._above + lines(self._format, tasks))
        self._above = b""


def _last_words(ending: Ending) -> str:
    if ending.is_whole:
        return f"{ending.count} tasks written"
    if ending.is_finished:
        return f"{ending.count} tasks written; the above is missing"
    if ending.cursor is None:
        return "nothing written: begin again"
    return f"{ending.count} tasks written; go on with --after {ending.cursor}"


@contextmanager
def _stopped_by_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set. The second of them ends the process as if nobody listened."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(stop.set)

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
