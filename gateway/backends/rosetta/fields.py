"""Fields of Rosetta's records, read leniently: the vendor's tables and samples disagree about several types."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")

# Hears the name of a field that did not fit its type.
Misfit: TypeAlias = Callable[[str], None]

_INTEGER = re.compile(r"-?[0-9]{1,40}")


class Fields:
    """One JSON object. A field that is absent or null is None; one that does not fit is None too, and is reported."""

    __slots__ = ("_misfit", "_values")

    def __init__(self, values: Mapping[str, object], misfit: Misfit) -> None:
        self._values = values
        self._misfit = misfit

    def text(self, name: str) -> str | None:
        """A text."""
        value = self._values.get(name)
        return self._checked(name, value if isinstance(value, str) else None)

    def label(self, name: str) -> str | None:
        """A text, or an integer as its digits: ids and names are documented as both."""
        return self._checked(name, as_label(self._values.get(name)))

    def integer(self, name: str) -> int | None:
        """An integer, or a text of its digits."""
        digits = self.integer_text(name)
        return None if digits is None else int(digits)

    def integer_text(self, name: str) -> str | None:
        """An integer's digits as received."""
        return self._checked(name, as_integer_text(self._values.get(name)))

    def percent(self, name: str) -> float | None:
        """A number from 0 to 100."""
        value = self._values.get(name)
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
        return self._checked(name, number if 0 <= number <= 100 else None)

    def labels(self, name: str) -> tuple[str, ...]:
        """A list of texts without the entries that do not fit; empty where there is none."""
        found = [as_label(item) for item in self._list(name)]
        if None in found:
            self._misfit(name)
        return tuple(item for item in found if item is not None)

    def label_map(self, name: str) -> Mapping[str, str | None]:
        """A map from text to text in the order received; a value that does not fit is None, the key stays."""
        found = {key: as_label(item) for key, item in self._object(name).items()}
        if None in found.values():
            self._misfit(name)
        return found

    def nested(self, name: str) -> "Fields":
        """A nested object; without fields where there is none."""
        return Fields(self._object(name), self._misfit)

    def each(self, name: str) -> Iterator[Mapping[str, object]]:
        """The objects of a list; entries of another type are left out and reported."""
        for item in self._list(name):
            if isinstance(item, dict):
                yield item
            else:
                self._misfit(name)

    def length(self, name: str) -> int:
        """How many entries a list has, fitting or not."""
        value = self._values.get(name)
        return len(value) if isinstance(value, list) else 0

    def _list(self, name: str) -> Sequence[object]:
        value = self._values.get(name)
        return self._checked(name, value if isinstance(value, list) else None) or ()

    def _object(self, name: str) -> Mapping[str, object]:
        value = self._values.get(name)
        return self._checked(name, value if isinstance(value, dict) else None) or {}

    def _checked(self, name: str, found: T | None) -> T | None:
        """`found`, which is None where the value of the field does not fit."""
        if found is None and self._values.get(name) is not None:
            self._misfit(name)
        return found


def as_label(value: object) -> str | None:
    """A text, or the digits of an integer; None for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def as_integer_text(value: object) -> str | None:
    """The digits of an integer, or of a text that is one, as received; None for anything else."""
    digits = as_label(value)
    return digits if digits is not None and _INTEGER.fullmatch(digits) else None
