"""GATEWAY_EXECUTION decides what answers queries, and GATEWAY_TEST_EXECUTION what does where a test does not say."""

import os

import pytest
import strawberry

from schema.context import Info
from tests.gateway.endpoints.served import served_schema


@strawberry.type
class _Query:
    @strawberry.field
    def is_asked_by_plan(self, info: Info) -> bool:
        return type(info._raw_info).__module__.startswith("gateway.execution.plan")


def _is_asked_by_plan(execution: str | None) -> bool:
    schema = strawberry.Schema(query=_Query)
    with served_schema(schema, GATEWAY_EXECUTION=execution) if execution else served_schema(schema) as served:
        answer: bool = served.post("{ isAskedByPlan }").json()["data"]["isAskedByPlan"]
        return answer


@pytest.mark.parametrize(("execution", "by_plan"), [("plan", True), ("graphql-core", False)])
def test_what_answers(execution: str, by_plan: bool) -> None:
    """A plan calls resolvers itself; without plans graphql-core does."""
    assert _is_asked_by_plan(execution) is by_plan


def test_what_answers_in_this_run() -> None:
    """Where a test does not say, queries are answered as the run of the tests was asked to."""
    assert _is_asked_by_plan(None) is (os.environ.get("GATEWAY_TEST_EXECUTION") != "graphql-core")
