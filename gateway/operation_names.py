"""Which operation names get series of their own: bounded, and not to be taken up by names that come once."""

from collections import OrderedDict

ANONYMOUS = "(anonymous)"
OTHER = "(other)"

_MOST_NAMES = 100
_MOST_CANDIDATES = 1000
# Longer ones are no names that a person gave; each would be written with every sample, line and span.
_LONGEST = 100
# Seen this often among the latest candidates, a name is in real use.
_SEEN_OFTEN = 5


def told(name: str | None) -> str | None:
    """The name as lines and spans tell it: whole, or its beginning."""
    return name if name is None or len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


class OperationNames:
    """Labels for the names that clients give to operations.

    A name is `(other)` until it has come a few times, and for ever once all places are taken or where it is very long:
    random names, however many, make no series. `(anonymous)` is an operation without a name; neither can be a name in
    GraphQL.
    """

    def __init__(self, most: int = _MOST_NAMES) -> None:
        self._most = most
        self._known: set[str] = set()
        self._candidates: OrderedDict[str, int] = OrderedDict()

    def label(self, name: str | None) -> str:
        """The value of the label `operation` for this name."""
        if name is None:
            return ANONYMOUS
        if name in self._known:
            return name
        if len(self._known) >= self._most or len(name) > _LONGEST:
            return OTHER
        seen = self._candidates.pop(name, 0) + 1
        if seen >= _SEEN_OFTEN:
            self._known.add(name)
            return name
        self._candidates[name] = seen
        if len(self._candidates) > _MOST_CANDIDATES:
            self._candidates.popitem(last=False)
        return OTHER
