"""Fields of Scale's records, read leniently: only `task_id` and `status` of a task can be relied on."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from sys import intern
from typing import TypeAlias

# Hears the name of a field that did not fit its type.
Misfit: TypeAlias = Callable[[str], None]

_INT_LIMIT = 2**31  # GraphQL's Int has 32 bits


class Fields:
    """One JSON object. A field that is absent or null is None; one that does not fit is None too, and is reported.

    `within` goes before the names that are reported: "audits.".
    """

    __slots__ = ("_misfit", "_values", "_within")

    def __init__(self, values: Mapping[str, object], misfit: Misfit, within: str = "") -> None:
        self._values = values
        self._misfit = misfit
        self._within = within

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        self._report(name)
        return None

    def shared_text(self, name: str) -> str | None:
        """A text that many records have alike: one object in memory for all of them."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            return intern(value)
        self._report(name)
        return None

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._report(name)
        return None

    def integer(self, name: str) -> int | None:
        """An integer of at most 32 bits; 12.0 is one too, as JSON does not tell it from 12."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and -_INT_LIMIT <= value < _INT_LIMIT:
            return value
        self._report(name)
        return None

    def count(self, name: str) -> int | None:
        """An integer from 0 on."""
        value = self.integer(name)
        if value is not None and value < 0:
            self._report(name)
            return None
        return value

    def moment(self, name: str) -> datetime | None:
        """An ISO 8601 time in UTC; one without a zone is UTC, a date alone its midnight."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)  # type: ignore[arg-type]  # a TypeError is a misfit
            return moment if moment.tzinfo is UTC else _in_utc(moment)
        except (ValueError, TypeError, OverflowError):
            self._report(name)
            return None

    def shared_texts(self, name: str) -> tuple[str, ...]:
        """A list without the entries that are no text; empty where there is none."""
        value = self._list(name)
        if not value:
            return ()
        texts = tuple([intern(item) for item in value if isinstance(item, str)])
        if len(texts) < len(value):
            self._report(name)
        return texts

    def objects(self, name: str) -> list["Fields"]:
        """The objects of a list without the entries of another type; empty where there is none."""
        value = self._list(name)
        if not value:
            return []
        objects = [Fields(item, self._misfit, f"{name}.") for item in value if isinstance(item, dict)]
        if len(objects) < len(value):
            self._report(name)
        return objects

    def expect_object(self, name: str) -> None:
        """Reports a field that is there and no object, for those that are decoded only when asked for."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            self._report(name)

    def happened(self, flags: tuple[str, ...], times: tuple[str, ...]) -> bool | None:
        """The first of `flags` that is told, else True where one of `times` is told."""
        for name in flags:
            if name in self._values and (told := self.flag(name)) is not None:
                return told
        for name in times:
            if name in self._values and self.text(name):
                return True
        return None

    def _list(self, name: str) -> list[object]:
        value = self._values.get(name)
        if isinstance(value, list):
            return value
        if value is not None:
            self._report(name)
        return []

    def _report(self, name: str) -> None:
        self._misfit(self._within + name)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
