"""What an emulator was asked: tests count requests with it."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class SeenRequest:
    """One request as it arrived, before any fault touched it."""

    method: str
    path: str
    """As sent: still percent-encoded, without the query."""
    query: str
    """As sent, without the question mark."""
    headers: dict[str, str] = field(repr=False)
    """Lower-case names; repeated headers joined by a comma. Hidden from repr: holds credentials."""
    body: bytes
    at: datetime


class Recorder:
    """The newest requests, oldest first; at most `size` are kept."""

    def __init__(self, size: int = 100_000) -> None:
        self._seen: deque[SeenRequest] = deque(maxlen=size)

    def __iter__(self) -> Iterator[SeenRequest]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def __getitem__(self, position: int) -> SeenRequest:
        return self._seen[position]

    def add(self, request: SeenRequest) -> None:
        self._seen.append(request)

    def clear(self) -> None:
        self._seen.clear()

    def matching(self, method: str | None = None, path: str | None = None) -> list[SeenRequest]:
        """Requests of this method whose path matches the regular expression (searched, not anchored)."""
        return [seen for seen in self._seen if matches(seen, method, path)]

    def count(self, method: str | None = None, path: str | None = None) -> int:
        """How many requests `matching` would list."""
        return len(self.matching(method, path))


def matches(request: SeenRequest, method: str | None, path: str | None, query: str | None = None) -> bool:
    """Whether the request has this method, and a path and query that the regular expressions find; None fits all."""
    if method is not None and request.method != method.upper():
        return False
    if query is not None and re.search(query, request.query) is None:
        return False
    return path is None or re.search(path, request.path) is not None
