"""What was found out about bytes that come again and again: bounded, and cheap to look up."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """At most `most` entries of at most `max_weight` together; what was not asked for lately goes first.

    Two halves: what comes again moves to the young one; when that is full, the old one goes as a whole. A look-up
    that hits is one look into a dictionary, where an exact order of use would take three.
    """

    def __init__(self, most: int, max_weight: int) -> None:
        self._most = most // 2
        self._max_weight = max_weight // 2
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, key: K) -> V | None:
        """What is remembered; None where nothing is."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                return None
            self.keep(key, *found)
        return found[0]

    def keep(self, key: K, value: V, weight: int = 0) -> bool:
        """Remembers `value`; not, and False, where it alone takes an eighth of what all may take."""
        if weight > self._max_weight // 4:
            return False
        if len(self._young) >= self._most or self._weight + weight > self._max_weight:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = (value, weight)
        self._weight += weight
        return True
