"""Which tasks a list wants."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.sandbox.scale.wire import parse_time


@dataclass(frozen=True)
class Window:
    """A time field between two moments, both inclusive; a task without that time is outside."""

    field: str
    earliest: datetime | None
    latest: datetime | None

    def holds(self, record: Mapping[str, Any]) -> bool:
        try:
            moment = parse_time(record[self.field])
        except (KeyError, TypeError, ValueError):
            return False
        return (self.earliest is None or moment >= self.earliest) and (self.latest is None or moment <= self.latest)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The filters of one list; None lets every task through."""

    status: str | None = None
    type: str | None = None
    project: str | None = None
    batch: str | None = None
    review_statuses: frozenset[str] | None = None
    unique_ids: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    all_tags: bool = False
    windows: tuple[Window, ...] = ()

    def words(self) -> list[tuple[str, str]]:
        """The filters that ask for one exact word in one field."""
        named = {"status": self.status, "type": self.type, "project": self.project, "batch": self.batch}
        return [(name, value) for name, value in named.items() if value is not None]

    @property
    def only_words(self) -> bool:
        return not self.windows and self.review_statuses is self.unique_ids is self.tags is None

    def holds(self, record: Mapping[str, Any]) -> bool:
        return (
            all(record.get(name) == value for name, value in self.words())
            and _within(record.get("customer_review_status"), self.review_statuses)
            and _within(record.get("unique_id"), self.unique_ids)
            and self._holds_tags(record.get("tags") or [])
            and all(window.holds(record) for window in self.windows)
        )

    def _holds_tags(self, tags: list[Any]) -> bool:
        if self.tags is None:
            return True
        carried = {tag for tag in tags if isinstance(tag, str)}
        return self.tags <= carried if self.all_tags else not self.tags.isdisjoint(carried)


def _within(value: object, wanted: frozenset[str] | None) -> bool:
    return wanted is None or (isinstance(value, str) and value in wanted)
