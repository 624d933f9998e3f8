"""Which operation names get series of their own: bounded, and not to be taken up by names that come once."""

from collections import OrderedDict

ANONYMOUS = "(anonymous)"
OTHER = "(other)"

_MOST_NAMES = 100
_MOST_CANDIDATES = 1000
# Seen this often among the latest candidates, a name is in real use.
_SEEN_OFTEN = 5


class OperationNames:
    """Labels for the names that clients give to operations.

    A name is `(other)` until it has come a few times, and for ever once all places are taken: random names, however
    many, make no series. `(anonymous)` is an operation without a name; neither can be a name in GraphQL.
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
        if len(self._known) >= self._most:
            return OTHER
        seen = self._candidates.pop(name, 0) + 1
        if seen >= _SEEN_OFTEN:
            self._known.add(name)
            return name
        self._candidates[name] = seen
        if len(self._candidates) > _MOST_CANDIDATES:
            self._candidates.popitem(last=False)
        return OTHER
