"""What an operation selects below a field: so that nothing is read that nobody asked for."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField

from schema.context import Info

Selection: TypeAlias = SelectedField | FragmentSpread | InlineFragment


def selected(info: Info, *path: str) -> frozenset[str]:
    """Names of the fields selected at `path` below the field being resolved, those of fragments too."""
    level: list[Selection] = [each for field in info.selected_fields for each in field.selections]
    for name in path:
        level = [each for field in _fields(level) if field.name == name for each in field.selections]
    return frozenset(field.name for field in _fields(level))


def _fields(selections: Sequence[Selection]) -> Iterator[SelectedField]:
    for selection in selections:
        if not _is_included(selection):
            continue
        if isinstance(selection, SelectedField):
            yield selection
        else:
            yield from _fields(selection.selections)


def _is_included(selection: Selection) -> bool:
    directives = selection.directives
    return not directives.get("skip", {}).get("if", False) and bool(directives.get("include", {}).get("if", True))
