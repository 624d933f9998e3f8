"""Limits: how much one operation may ask for, and what happens when it asks for more."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog

from gateway.refusals import Refusal, refusal
from gateway.settings import LimitsSettings

_log = structlog.get_logger(__name__)

# A limit's public name, what was measured, what is allowed.
Measured: TypeAlias = tuple[str, int, int]


def _uncounted(limit: str) -> None:
    """Counts nothing."""


@dataclass(frozen=True)
class Limits:
    """The limits, and who is told of each one exceeded. `explains` adds the measured value to refusals."""

    values: LimitsSettings
    explains: bool = False
    count: Callable[[str], None] = field(default=_uncounted)

    def check(self, measured: Iterable[Measured]) -> None:
        """Raises a Refusal TOO_COMPLEX naming the first limit exceeded; with `warn_only` logs it instead."""
        for limit, value, maximum in measured:
            if value > maximum:
                self.exceeded(limit, value, maximum)

    def exceeded(self, limit: str, value: int | None, maximum: int) -> None:
        """As `check`, for a limit known to be exceeded; `value` is None where counting stopped."""
        self.count(limit)
        if self.values.warn_only:
            _log.warning("limit exceeded", limit=limit, value=value, maximum=maximum)
            return
        raise self.too_complex(limit, value, maximum)

    def too_complex(self, limit: str, value: int | None, maximum: int) -> Refusal:
        """The refusal alone, for what cannot be let through even in `warn_only`."""
        details: dict[str, Any] = {"limit": limit}
        message = f"the operation exceeds the limit {limit!r}"
        if self.explains:
            details["maximum"] = maximum
            if value is not None:
                details["measured"] = value
            message += f" of {maximum}" if value is None else f": {value}, at most {maximum}"
        return refusal("TOO_COMPLEX", message, lenient=True, **details)
