"""The filter of an export: a TaskFilter as JSON, read by the rules that hold for a variable of an operation."""

import json
from dataclasses import dataclass

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.errors import bad_input
from schema.filter import TaskCriteria, TaskFilter, to_criteria
from schema.scalars import scalar_map

_DOCUMENT = "query($filter: TaskFilter) { isRead(filter: $filter) }"


@dataclass
class _Reading:
    criteria: TaskCriteria | None = None


@strawberry.type
class _Query:
    @strawberry.field
    def is_read(self, info: strawberry.Info[_Reading, None], filter: TaskFilter | None = None) -> bool:
        info.context.criteria = to_criteria(filter)
        return True


class _Schema(strawberry.Schema):
    def process_errors(self, *_: object) -> None:
        """Nothing for the log: whoever gave the filter is told."""


def parse_filter(text: str) -> TaskCriteria:
    """The criteria of the filter. Raises GatewayError BAD_USER_INPUT, saying what is wrong with it."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_input(f"--filter is no JSON: {error}", "filter") from None
    schema = _Schema(_Query, config=StrawberryConfig(scalar_map=dict(scalar_map())))
    reading = _Reading()
    result = schema.execute_sync(_DOCUMENT, {"filter": given}, context_value=reading)
    if result.errors or reading.criteria is None:
        raise bad_input("--filter: " + "; ".join(error.message for error in result.errors or ()), "filter")
    return reading.criteria
