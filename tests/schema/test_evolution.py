"""The schema grows without breaking a client, and tells what it does."""

import pytest

from tests.schema.evolution import (
    CHANGELOG,
    CURRENT,
    RELEASED,
    breaking_changes,
    dangerous_changes,
    poor_deprecations,
    unreleased_schema_section,
)

OLD = """
type Query { task(id: ID!): Task }
type Task { id: ID! status: Status owner: String }
enum Status { OPEN DONE }
"""


def test_nothing_released_is_broken() -> None:
    """Every operation that runs on the last released schema runs on this one."""
    assert breaking_changes(RELEASED.read_text(), CURRENT.read_text()) == []


def test_deprecations_say_what_to_use_and_since_when() -> None:
    """No deprecation leaves its reader without a way on, or without its date."""
    assert poor_deprecations(CURRENT.read_text()) == []


def test_changes_are_told() -> None:
    """Where the schema differs from the released one, the changelog's schema section has something to tell."""
    if CURRENT.read_text() != RELEASED.read_text():
        assert unreleased_schema_section(CHANGELOG.read_text()) != ""


def test_dangerous_changes_are_told() -> None:
    """Each change that may surprise a client stands in the changelog's schema section, word for word."""
    section = " ".join(unreleased_schema_section(CHANGELOG.read_text()).split())

    untold = [
        change for change in dangerous_changes(RELEASED.read_text(), CURRENT.read_text()) if change not in section
    ]

    assert untold == []


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ("owner: String", "", "owner"),
        ("status: Status", "status: String", "status"),
        ("OPEN DONE", "OPEN", "DONE"),
        ("task(id: ID!)", "task(id: ID!, kind: ID!)", "kind"),
        ("owner: String", "owner: String!", None),
        ("owner: String", "owner: String kind: Status", None),
    ],
)
def test_breaking_is_seen(then: str, now: str, words: str | None) -> None:
    """What is removed, changes its type or becomes required is breaking; what is added or promised is not."""
    changes = breaking_changes(OLD, OLD.replace(then, now))

    assert [words in change for change in changes] == [True] if words else changes == []


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [("OPEN DONE", "OPEN DONE LATE", "LATE"), ("task(id: ID!)", "task(id: ID!, kind: ID)", "kind")],
)
def test_dangerous_is_seen(then: str, now: str, words: str) -> None:
    """A new enum value and a new optional argument are listed."""
    (change,) = dangerous_changes(OLD, OLD.replace(then, now))

    assert words in change


@pytest.mark.parametrize(
    ("reason", "is_poor"),
    [
        ('(reason: "Use `holder` instead. Deprecated 2026-03-01.")', False),
        ('(reason: "Use `holder` instead.")', True),
        ('(reason: "Use `holder` instead. Deprecated 2026-13-01.")', True),
        ('(reason: "Deprecated 2026-03-01.")', True),
        ("", True),
    ],
)
def test_poor_deprecation_is_seen(reason: str, is_poor: bool) -> None:
    """A deprecation needs a reason and a date that exists, on fields, arguments and enum values alike."""
    places = {
        "Task.owner": ("owner: String", f"owner: String @deprecated{reason}"),
        "Status.DONE": ("DONE", f"DONE @deprecated{reason}"),
        "Query.task(kind)": ("task(id: ID!)", f"task(id: ID!, kind: ID @deprecated{reason})"),
    }

    found = {name: poor_deprecations(OLD.replace(*place)) for name, place in places.items()}

    assert {name: [poor.split(":")[0] for poor in poor] for name, poor in found.items()} == {
        name: [name] if is_poor else [] for name in places
    }


def test_section_of_the_unreleased_alone() -> None:
    """What an older release told does not count."""
    changelog = "## Unreleased\n\n### Added\n\n- a\n\n## 1.0\n\n### Schema\n\n- b\n"

    assert unreleased_schema_section(changelog) == ""
    assert unreleased_schema_section(changelog.replace("- a", "- a\n\n### Schema\n\n- c")) == "- c"
