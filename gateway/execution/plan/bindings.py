"""Bindings: what variables make of a plan, found once for those that come again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql.execution.values import VariableValues

from gateway.execution.plan.calls import Call
from gateway.remembered import Remembered

if TYPE_CHECKING:
    from gateway.execution.plan.waiting import WaitingObject

_MOST = 8000
_MOST_BYTES = 32 * 1024 * 1024
_MOST_SEEN = 20_000
# Estimates: what is made of variables takes some twelve times their text, and a binding may be the last to hold its
# document, which takes some fifty times its own.
_BYTES_A_VARIABLE_BYTE = 12
_BYTES_A_CHARACTER = 50
_BYTES = 1000


@dataclass(slots=True)
class Bound:
    """What one set of variables makes of a plan: which variant, with which arguments.

    `depends_on_tasks` and the caller alone: then its answers may be kept, on `shelf`. To keep what is asked once
    costs more than it saves: most requests with variables of their own never come again, those that `comes_again`
    tells of do.
    """

    root: "WaitingObject"
    values: VariableValues
    arguments: Mapping[Call, Mapping[str, Any]]
    depends_on_tasks: bool
    shelf: dict[Any, Any] = field(default_factory=dict)
    comes_again: bool = False


class Bindings:
    """Of all plans together, some 32 MiB. Those that were seen once are known by a number alone."""

    def __init__(self) -> None:
        self._kept: Remembered[tuple[int, bytes], Bound] = Remembered(_MOST, _MOST_BYTES)
        self._seen: Remembered[int, bool] = Remembered(_MOST_SEEN, _MOST_SEEN)

    def get(self, plan_number: int, variables: bytes) -> Bound | None:
        """The one of these variables, where it came at least twice."""
        return self._kept.get((plan_number, variables))

    def keep(self, plan_number: int, variables: bytes, bound: Bound, document_characters: int) -> None:
        """Keeps it where the variables have been seen before and are not very large, and marks it so."""
        name = plan_number, variables
        if self._seen.get(hash(name)) is None:
            self._seen.keep(hash(name), True)
            return
        weight = _BYTES + _BYTES_A_VARIABLE_BYTE * len(variables) + _BYTES_A_CHARACTER * document_characters
        bound.comes_again = self._kept.keep(name, bound, weight)
