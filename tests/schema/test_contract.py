"""The schema keeps its promises."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import build_schema as build_from_sdl
from graphql import find_breaking_changes, specified_directives, specified_scalar_types

from schema import build_schema

HERE = Path(__file__).parent
SNAPSHOT = HERE.parents[1] / "schema" / "schema.graphql"


def test_snapshot_is_what_is_served() -> None:
    """schema/schema.graphql is the schema as served; `task-gateway schema` renews it."""
    assert SNAPSHOT.read_text() == build_schema().as_str() + "\n"


def test_nothing_promised_is_missing_or_loosened() -> None:
    """What stands in contract.graphql is served, except for what missing.txt still lists."""
    promised = build_from_sdl((HERE / "contract.graphql").read_text())
    served = build_from_sdl(build_schema().as_str())

    breaking = sorted({change.description for change in find_breaking_changes(promised, served)})

    assert "\n".join(breaking) == (HERE / "missing.txt").read_text().strip()


def _described() -> Iterator[tuple[str, str, str | None]]:
    """Where each description of the served schema belongs, the last name there, and its text."""
    served = build_from_sdl(build_schema().as_str())
    for name, type_ in served.type_map.items():
        if name.startswith("__") or name in specified_scalar_types:
            continue
        yield name, name, type_.description
        for field_name, field in getattr(type_, "fields", {}).items():
            yield f"{name}.{field_name}", field_name, field.description
            for argument_name, argument in getattr(field, "args", {}).items():
                yield f"{name}.{field_name}({argument_name})", argument_name, argument.description
        for value_name, value in getattr(type_, "values", {}).items():
            yield f"{name}.{value_name}", value_name, value.description
    for directive in served.directives:
        if directive.name not in {specified.name for specified in specified_directives}:
            yield f"@{directive.name}", directive.name, directive.description


def _words(text: str) -> set[str]:
    """The words of a sentence or a name, in lower case, without those that say nothing."""
    spelt_out = re.sub(r"([a-z])([A-Z])", r"\1 \2", text.replace("_", " "))
    return set(re.findall(r"[a-z]+", spelt_out.lower())) - {"a", "an", "the", "its", "of", "this", "s"}


def test_everything_is_described() -> None:
    """Each type, field, argument, enum value and input field says in whole sentences what its name does not."""
    silent = [place for place, _, text in _described() if not text]
    cut_short = [place for place, _, text in _described() if text and not text.endswith(".")]
    echoes = [place for place, name, text in _described() if text and _words(text) <= _words(name)]

    assert (silent, cut_short, echoes) == ([], [], [])


@pytest.mark.parametrize(
    ("name", "text", "is_echo"),
    [("scaleTaskId", "The Scale task's id.", True), ("task", "The task.", True), ("task", "Names the task.", False)],
)
def test_an_echo_is_noticed(name: str, text: str, is_echo: bool) -> None:
    """A description that only says the name again is none."""
    assert (_words(text) <= _words(name)) is is_echo


def test_every_status_says_what_it_maps_from() -> None:
    """Each status names Rosetta's numbers and Scale's word, or says that the backend has none."""
    values = {place: text or "" for place, _, text in _described() if place.startswith("TaskStatus.")}

    assert [place for place, text in values.items() if not ("Rosetta" in text and "Scale" in text)] == []


def test_every_code_says_what_to_do() -> None:
    """A code's description goes on behind what happened, with advice."""
    values = {place: text or "" for place, _, text in _described() if place.startswith("ErrorCode.")}

    assert [place for place, text in values.items() if len(re.findall(r"[.;:] ", text)) < 1] == []
    assert len(values) == 14
