"""The schema keeps its promises."""

from pathlib import Path

from graphql import build_schema as build_from_sdl
from graphql import find_breaking_changes

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


def test_everything_is_described() -> None:
    """Each type, field, argument and enum value of ours tells what it means."""
    served = build_from_sdl(build_schema().as_str())
    ours = {
        name: type_
        for name, type_ in served.type_map.items()
        if not name.startswith("__") and name not in ("Int", "Float", "String", "Boolean", "ID", "Query", "Mutation")
    }

    silent = [name for name, type_ in ours.items() if not type_.description]
    for name, type_ in served.type_map.items():
        if name.startswith("__"):
            continue
        for field_name, field in (getattr(type_, "fields", None) or {}).items():
            silent += [] if field.description else [f"{name}.{field_name}"]
            arguments = getattr(field, "args", {})
            silent += [f"{name}.{field_name}({a})" for a, arg in arguments.items() if not arg.description]
        for value_name, value in (getattr(type_, "values", None) or {}).items():
            silent += [] if value.description else [f"{name}.{value_name}"]

    assert silent == []
