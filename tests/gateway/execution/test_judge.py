"""graphql-core goes on from what a plan's attempt has learnt."""

from typing import Any

import pytest
from graphql import build_schema, execute, parse
from graphql.execution import ExecutionResult

from gateway.execution.judge import replaying

pytestmark = pytest.mark.anyio

SCHEMA = build_schema("type Query { learnt: Int failed: Int other: Int! }")


class Root:
    """Counts what is asked anew."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def learnt(self, _: Any) -> int:
        self.asked.append("learnt")
        return 0

    def failed(self, _: Any) -> int:
        self.asked.append("failed")
        return 0

    def other(self, _: Any) -> int:
        self.asked.append("other")
        return 3


async def test_what_was_learnt_is_not_asked_again() -> None:
    """A call that was made comes to the same again, a failure too; what was not called is."""
    root = Root()
    middleware = replaying({("learnt",): (True, 1), ("failed",): (False, ValueError("as before"))})

    running = execute(SCHEMA, parse("{ learnt failed other }"), root, middleware=middleware)
    assert not isinstance(running, ExecutionResult)
    result = await running

    assert result.data == {"learnt": 1, "failed": None, "other": 3}
    assert [error.message for error in result.errors or ()] == ["as before"]
    assert root.asked == ["other"]
