"""A filter on the command line is read as a variable of an operation is."""

import pytest

from gateway.export.filter import parse_filter
from schema.backend import Backend
from schema.errors import GatewayError
from schema.status import TaskStatus


def test_a_filter() -> None:
    """Enum values, lists and moments are what they are in GraphQL."""
    criteria = parse_filter(
        '{"backendIn": ["SCALE"], "statusIn": "PENDING", "createdAt": {"gte": "2026-01-01T00:00:00Z"}}'
    )

    assert criteria.backends == {Backend.SCALE}
    assert criteria.statuses == frozenset({TaskStatus.PENDING})
    assert criteria.created is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ('{"x": 1}', "unknown field 'x'"),
        ('{"statusIn": ["DONE"]}', "DONE"),
        ('{"createdAt": {"gte": "2026-01-01T00:00:00"}}', "time zone"),
        ('{"annotationRequestIdIn": ["\\u0000"]}', "control character"),
        ("[]", "TaskFilter"),
    ],
)
def test_a_filter_that_cannot_be(text: str, words: str) -> None:
    """What is wrong is said; nothing is ignored."""
    with pytest.raises(GatewayError, match=words):
        parse_filter(text)
