"""Query parameters read strictly: what is there must be well formed, what is unknown is ignored."""

import re
from datetime import datetime

from starlette.datastructures import QueryParams

from gateway.sandbox.scale.wire import RefusedError, parse_time


class Parameters:
    """The query of one request. Every method raises RefusedError 400 for a value it cannot read."""

    def __init__(self, query: QueryParams) -> None:
        self._query = query

    def many(self, name: str) -> list[str]:
        """All values of a parameter that is repeated to carry a list."""
        return self._query.getlist(name)

    def text(self, name: str) -> str | None:
        values = self.many(name)
        if len(values) > 1:
            raise RefusedError(400, f"{name} must be given once.")
        return values[0] if values else None

    def word(self, name: str, known: frozenset[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in known:
            raise RefusedError(400, f"{name} must be one of {', '.join(sorted(known))}.")
        return value

    def words(self, name: str, known: frozenset[str]) -> frozenset[str] | None:
        """A list in one value, joined by commas."""
        value = self.text(name)
        if value is None:
            return None
        words = frozenset(value.split(","))
        if not words <= known:
            raise RefusedError(400, f"{name} must be made of {', '.join(sorted(known))}.")
        return words

    def flag(self, name: str) -> bool | None:
        """`true` or `false` in any case: Scale's Python SDK sends `True`."""
        value = self.text(name)
        if value is not None and value.lower() not in ("true", "false"):
            raise RefusedError(400, f"{name} must be true or false.")
        return None if value is None else value.lower() == "true"

    def number(self, name: str, *, default: int, least: int, most: int = 10**9) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", value) or not least <= int(value) <= most:
            raise RefusedError(400, f"{name} must be an integer from {least} to {most}.")
        return int(value)

    def time(self, name: str) -> datetime | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            return parse_time(value)
        except ValueError as error:
            raise RefusedError(400, f"{name} must be an ISO 8601 time.") from error
