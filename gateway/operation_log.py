"""The operation log: one line for each operation, and more about a slow one. Names and numbers only, no value."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from graphql import DocumentNode, Node, StringValueNode, Visitor, print_ast, strip_ignored_characters, visit

_log = logging.getLogger("gateway.operations")
_LONGEST_DOCUMENT = 2000
_SHED_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
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


class OperationLog:
    """Writes through the standard library's logging: structlog's chain would cost as much as a small operation."""

    def __init__(self, slow_ms: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._slow_s = slow_ms / 1000
        self._clock = clock
        self._shed = 0
        self._shed_told_at = -_SHED_EVERY_S

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
        _log.log(level, "slow operation" if is_slow else "operation", extra={"line": line})

    def refused(self, request_id: str, caller: str | None, code: str) -> None:
        """One line for a request that was refused before execution."""
        if _log.isEnabledFor(logging.INFO):
            line = {"request_id": request_id, "caller": caller, "outcome": "refused", "codes": (code,)}
            _log.info("operation", extra={"line": line})

    def shed(self) -> None:
        """One line a second for all requests shed since the last: under overload a line each would add to it."""
        self._shed += 1
        now = self._clock()
        if now - self._shed_told_at < _SHED_EVERY_S:
            return
        _log.warning("overloaded", extra={"line": {"shed": self._shed}})
        self._shed, self._shed_told_at = 0, now


def without_texts(document: DocumentNode) -> str:
    """The document with every string replaced: customers' ids and texts do not belong in a log."""
    return strip_ignored_characters(print_ast(visit(document, _Blank())))[:_LONGEST_DOCUMENT]


class _Blank(Visitor):
    def enter_string_value(self, node: StringValueNode, *_: object) -> Node:
        return StringValueNode(value="…", block=False)
