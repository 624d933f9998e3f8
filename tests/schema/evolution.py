"""How the schema may grow: compared with the last released one, and what a deprecation must say."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
)

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "schema" / "released.graphql"
CURRENT = ROOT / "schema" / "schema.graphql"
CHANGELOG = ROOT / "CHANGELOG.md"

# "Use `b` instead. Deprecated 2026-03-01.": what to do, then since when.
_DEPRECATION = re.compile(r"\S.{8,} Deprecated (\d{4}-\d{2}-\d{2})\.", re.DOTALL)


def breaking_changes(released: str, current: str) -> list[str]:
    """What would stop an operation that runs on `released` from running on `current`."""
    return _sentences(find_breaking_changes(build_schema(released), build_schema(current)))


def dangerous_changes(released: str, current: str) -> list[str]:
    """What runs on, but may surprise a client: a new enum value, a new member of a union, another default."""
    return _sentences(find_dangerous_changes(build_schema(released), build_schema(current)))


def _sentences(changes: list[Any]) -> list[str]:
    return sorted({change.description for change in changes})


def poor_deprecations(sdl: str) -> list[str]:
    """Each deprecation that lacks what to use instead, or `Deprecated YYYY-MM-DD.` at its end."""
    return [
        f"{name}: {reason}"
        for name, reason in _deprecations(build_schema(sdl))
        if not ((found := _DEPRECATION.fullmatch(reason)) and _is_date(found[1]))
    ]


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text) <= date.max
    except ValueError:
        return False


def _deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name, reason in _elements(schema):
        if reason is not None:
            yield name, reason


def _elements(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything that can be deprecated, with its reason."""
    for type_name, type_ in schema.type_map.items():
        if type_name.startswith("__"):
            continue
        if is_enum_type(type_):
            yield from ((f"{type_name}.{name}", value.deprecation_reason) for name, value in type_.values.items())
        if is_object_type(type_) or is_interface_type(type_) or is_input_object_type(type_):
            for name, field in type_.fields.items():
                yield f"{type_name}.{name}", field.deprecation_reason
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{type_name}.{name}({argument_name})", argument.deprecation_reason


def unreleased_schema_section(changelog: str) -> str:
    """What the changelog tells users of the schema since the last release; empty where it tells nothing."""
    unreleased = re.search(r"(?ms)^## Unreleased\n(.*?)(?=^## |\Z)", changelog)
    section = re.search(r"(?ms)^### Schema\n(.*?)(?=^### |\Z)", unreleased[1] if unreleased else "")
    return section[1].strip() if section else ""
