"""Values that GraphQL has no type for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from schema.scalars import format_datetime, parse_datetime, safe_json


def test_datetime_leaves_in_utc() -> None:
    """A moment of any zone leaves in UTC with Z and milliseconds."""
    shanghai = timezone(timedelta(hours=8))

    assert format_datetime(datetime(2026, 3, 1, 8, tzinfo=shanghai)) == "2026-03-01T00:00:00.000Z"


@pytest.mark.parametrize("text", ["2026-03-01T00:00:00Z", "2026-03-01T08:00:00.000+08:00"])
def test_datetime_enters_with_a_zone(text: str) -> None:
    """The same moment may be written in any zone."""
    assert parse_datetime(text) == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2026-03-01T00:00:00", "2026-03-01", "yesterday", "", 5, None, True])
def test_datetime_that_is_none(value: object) -> None:
    """A text without a zone, or no text at all, is refused."""
    with pytest.raises(ValueError, match=r"DateTime|zone"):
        parse_datetime(value)


def test_integers_a_reader_would_round() -> None:
    """Integers beyond 2^53 become texts, at any depth; others and booleans stay."""
    value = {"a": [2**53, 2**53 + 1, -(2**60), True], "b": {"c": 123456789012345678901}, "d": 1.5}

    safe: object = safe_json(value)

    assert safe == {
        "a": [2**53, str(2**53 + 1), str(-(2**60)), True],
        "b": {"c": "123456789012345678901"},
        "d": 1.5,
    }
