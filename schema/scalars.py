"""DateTime, JSON and URL: how values that GraphQL has no type for enter and leave."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NewType, cast

import strawberry
from graphql import ValueNode, value_from_ast_untyped
from strawberry.types.scalar import ScalarDefinition

JSON = NewType("JSON", object)
URL = NewType("URL", str)

# The largest integer every JSON reader keeps exactly (RFC 8259, section 6).
_SAFE_INTEGER = 2**53


def format_datetime(value: datetime) -> str:
    """RFC 3339 in UTC with "Z", in milliseconds."""
    in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_datetime(value: object) -> datetime:
    """The moment that an RFC 3339 text with a zone names. Raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("a DateTime is a text such as 2026-03-01T12:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value[:60]!r} is no DateTime such as 2026-03-01T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{value[:60]!r} has no time zone: write 2026-03-01T12:00:00Z or …+08:00")
    return moment.astimezone(UTC)


def safe_json(value: object) -> JSON:
    """The same value with each integer that a JavaScript reader would round made a text."""
    if isinstance(value, dict):
        return JSON({key: safe_json(item) for key, item in value.items()})
    if isinstance(value, list):
        return JSON([safe_json(item) for item in value])
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return JSON(str(value))
    return JSON(value)


def _json_literal(node: ValueNode, variables: dict[str, object] | None = None) -> object:
    return value_from_ast_untyped(node, variables)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a URL is a text")
    return value


def scalar_map() -> Mapping[object, ScalarDefinition]:
    """The scalars by the Python type that stands for each."""
    return MappingProxyType(
        {
            datetime: _scalar(
                name="DateTime",
                description='A moment, RFC 3339. Output is UTC with "Z" and milliseconds; input needs a time zone.',
                serialize=format_datetime,
                parse_value=parse_datetime,
            ),
            JSON: _scalar(
                name="JSON",
                description="Any JSON value. Integers beyond 2^53 travel as strings, so that no reader rounds them.",
                serialize=safe_json,
                parse_value=lambda value: value,
                parse_literal=_json_literal,
            ),
            URL: _scalar(
                name="URL",
                description="Output: any URI, verbatim as the backend sent it, not validated. Input: an absolute URI "
                "whose scheme the field accepts.",
                serialize=str,
                parse_value=_text,
            ),
        }
    )


def _scalar(**options: object) -> ScalarDefinition:
    # Without a class it returns the definition, which none of its overloads says of options that are passed on.
    return cast(ScalarDefinition, strawberry.scalar(**options))  # type: ignore[call-overload]
