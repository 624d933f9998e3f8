"""The operation log: one line for each operation, and more about a slow one. Names and numbers only, no value."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from graphql import DocumentNode, Node, StringValueNode, Visitor, print_ast, strip_ignored_characters, visit

_log = logging.getLogger("gateway.operations")
_LONGEST_DOCUMENT = 2000
_SHED_EVERY_S = 1.0


# Not frozen: one is made for each operation, and freezing triples what that takes.
@dataclass(slots=True)
class OperationRecord:
    """What is told of one operation. `codes` are those of its errors; `calls` those to backends that it caused."""

    request_id: str
    caller: str
    operation: str | None
    type: str
    outcome: str
    codes: tuple[str, ...]
    seconds: float
    cost: int
    calls: int


class LineWriter(Protocol):
    """Writes lines that are made of names and numbers, among those of the logging module."""

    def write(self, line: dict[str, object], event: str, level: str, logger: str, seconds: float) -> None:
        """One line, of the moment `seconds` since 1970; `line` is the writer's from then on."""


class OperationLog:
    """Writes to `lines`, where given, else through the standard library's logging."""

    def __init__(
        self, slow_ms: float, lines: LineWriter | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._slow_s = slow_ms / 1000
        self._lines = lines
        self._clock = clock
        self._shed = 0
        self._shed_told_at = -_SHED_EVERY_S
        self._shed_due: asyncio.TimerHandle | None = None

    def write(self, record: OperationRecord, document: DocumentNode, *, may_be_slow: bool = True) -> None:
        """One line; of an operation that took too long a warning, with its document stripped of all texts."""
        is_slow = may_be_slow and record.seconds >= self._slow_s
        level = logging.WARNING if is_slow else logging.INFO
        if not _log.isEnabledFor(level):
            return
        line: dict[str, object] = {
            "request_id": record.request_id,
            "caller": record.caller,
            "operation": record.operation,
            "type": record.type,
            "outcome": record.outcome,
            "duration_ms": round(record.seconds * 1000, 3),
            "cost": record.cost,
            "calls": record.calls,
        }
        if record.codes:
            line["codes"] = record.codes
        if is_slow:
            line["document"] = without_texts(document)
        self._out(level, "slow operation" if is_slow else "operation", line)

    def refused(self, request_id: str, caller: str | None, code: str) -> None:
        """One line for a request that was refused before execution."""
        if _log.isEnabledFor(logging.INFO):
            line = {"request_id": request_id, "caller": caller, "outcome": "refused", "codes": (code,)}
            self._out(logging.INFO, "operation", {**line})

    def _out(self, level: int, event: str, line: dict[str, object]) -> None:
        if self._lines is None:
            _log.log(level, event, extra={"line": line})
        else:
            self._lines.write(line, event, "info" if level == logging.INFO else "warning", _log.name, time.time())

    def shed(self) -> None:
        """One line a second for all requests shed since the last: under overload a line each would add to it.

        To be called in a running event loop, which writes the last of these lines; `close` does when it ends earlier.
        """
        self._shed += 1
        if self._shed_due is not None:
            return
        wait_s = self._shed_told_at + _SHED_EVERY_S - self._clock()
        if wait_s > 0:
            self._shed_due = asyncio.get_running_loop().call_later(wait_s, self._tell_shed)
        else:
            self._tell_shed()

    def close(self) -> None:
        """Tells of requests shed that no line has told of."""
        if self._shed_due is not None:
            self._shed_due.cancel()
            self._tell_shed()

    def _tell_shed(self) -> None:
        self._out(logging.WARNING, "overloaded", {"shed": self._shed})
        self._shed, self._shed_told_at, self._shed_due = 0, self._clock(), None


def without_texts(document: DocumentNode) -> str:
    """The document with every string replaced: customers' ids and texts do not belong in a log."""
    return strip_ignored_characters(print_ast(visit(document, _Blank())))[:_LONGEST_DOCUMENT]


class _Blank(Visitor):
    def enter_string_value(self, node: StringValueNode, *_: object) -> Node:
        return StringValueNode(value="…", block=False)
