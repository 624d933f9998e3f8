"""Logging, set up once and used everywhere through structlog."""

import logging
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import orjson
import structlog

from gateway.log_lines import LogLines, Timestamps
from gateway.operation_log import LineWriter
from gateway.redaction import Redactor
from gateway.settings import LogFormat


def set_up_logging(level: str, log_format: LogFormat | None, secrets: Iterable[str] = ()) -> "JsonLines | None":
    """One line an event on standard error: for people on a terminal, JSON elsewhere, unless `log_format` says.

    None of the `secrets`, and no caller's credentials, stand in a line: not in an exception's text either. What is
    returned writes JSON lines without the logging module, among its lines; None where lines are for people.
    """
    out = _standard_error()
    chosen = log_format or (LogFormat.CONSOLE if out.isatty() else LogFormat.JSON)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if chosen is LogFormat.CONSOLE else structlog.processors.JSONRenderer()
    )
    redact = Redactor(secrets)
    lines = LogLines(out.buffer) if chosen is LogFormat.JSON else None
    handler = logging.StreamHandler(lines or out)
    handler.setFormatter(
        _RedactingFormatter(
            redact,
            is_json=chosen is LogFormat.JSON,
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "asyncio", "uvicorn.error"):
        # They log every address with its query, which holds customers' ids, uvicorn those of WebSockets; that the
        # gateway starts and stops, it says itself.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return None if lines is None else JsonLines(lines, redact)


def _standard_error() -> TextIO:
    """Where it is closed, one that leads nowhere takes its place: nothing else that is opened may come to be it."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  for as long as the process runs
    return sys.stderr


class JsonLines(LineWriter):
    """Writes the one line that every operation causes: the logging module takes ten times as long."""

    def __init__(self, lines: LogLines, redact: Redactor) -> None:
        self._lines = lines
        self._redact = redact
        self._timestamps = Timestamps()

    def write(self, line: dict[str, object], event: str, level: str, logger: str, seconds: float) -> None:
        line["event"] = event
        line["level"] = level
        line["logger"] = logger
        line["timestamp"] = self._timestamps.of(seconds)
        text = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode()
        self._lines.add(self._redact(text).encode())

    def flush(self) -> None:
        """Writes what waits to be written."""
        self._lines.flush()


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Redacts the finished line: whoever logged it, and whatever it was made of."""

    def __init__(self, redact: Redactor, *, is_json: bool, **options: Any) -> None:
        super().__init__(**options)
        self._redact = redact
        self._is_json = is_json

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(self._text(record))

    def _text(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] | None = getattr(record, "line", None)
        if line is None:
            return super().format(record)
        # An operation's line, ready as it is: structlog's chain takes ten times as long.
        line = {
            **line,
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _TIMESTAMPS.of(record.created),
        }
        return orjson.dumps(line).decode() if self._is_json else str(_CONSOLE(None, "", line))


_CONSOLE = structlog.dev.ConsoleRenderer()
_TIMESTAMPS = Timestamps()
