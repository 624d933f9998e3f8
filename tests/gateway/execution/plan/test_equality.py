"""A plan answers exactly as graphql-core does, or leaves the answer to it."""

import asyncio
import os
from collections import Counter
from random import Random
from typing import Any, cast

import orjson
import pytest
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    OperationDefinitionNode,
    Visitor,
    is_non_null_type,
    parse,
    validate,
    visit,
)
from graphql.execution import MiddlewareManager
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.execution.judge import replaying
from gateway.execution.plan import Fragments, Planned, Plans
from schema import build_schema
from tests.gateway.execution.plan.loading import context
from tests.gateway.execution.plan.operations import Rewriting, operations, with_names

# Making an operation up takes longer than comparing it, so each is compared as it is and rewritten in three ways.
GENERATED = int(os.environ.get("GATEWAY_TEST_OPERATIONS", "500"))
REWRITINGS = 3

SCHEMA = build_schema()
CORE = SCHEMA._schema


async def core_answer(
    document: DocumentNode, variables: dict[str, Any], context: Any, middleware: MiddlewareManager | None = None
) -> dict[str, Any]:
    """What graphql-core answers."""
    executor = StrawberryGraphQLCoreExecutionContext.build(
        CORE, document, context_value=context, raw_variable_values=variables, middleware=middleware
    )
    if isinstance(executor, list):
        return {"errors": [error.formatted for error in executor]}
    result = executor.execute_operation()
    if not isinstance(result, ExecutionResult):
        result = await cast(Any, result)
    return {"data": result.data, **({"errors": [e.formatted for e in result.errors]} if result.errors else {})}


def as_json(answer: object) -> Any:
    """The answer as a client reads it; GraphQL leaves the order of errors open."""
    read = orjson.loads(orjson.dumps(answer))
    if "errors" in read:
        read["errors"].sort(key=lambda error: (str(error.get("path")), error["message"]))
    return read


def _never_null(document: DocumentNode) -> set[str]:
    """The operation's root fields whose null would be the whole answer's."""
    root = CORE.query_type
    assert root is not None
    asked = {node.name.value for node in _fields(document) if node.name.value in root.fields}
    return {name for name in asked if is_non_null_type(root.fields[name].type)}


def _fields(document: DocumentNode) -> list[FieldNode]:
    found: list[FieldNode] = []

    class Collecting(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            found.append(node)

    visit(document, Collecting())
    return found


def _check_loads(planned: Counter[object], core: Counter[object], *, is_whole: bool) -> None:
    """The plan asks for what graphql-core asks for. Where a failure ends other fields, GraphQL leaves it open which of
    them still ask; none asks twice for that.
    """
    if is_whole:
        assert planned == core
    else:
        assert [key for key, count in planned.items() if count > max(core[key], 1)] == []


class Counts:
    """How many answers came from where: a test that never meets a plan proves nothing."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()

    async def check(self, document: DocumentNode, variables: dict[str, Any], seed: int) -> None:
        operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
        core_context, core_loader = context(seed)
        expected = await core_answer(document, dict(variables), core_context)
        plan = Plans(CORE, Fragments()).of(document, operation)
        assert plan is not None
        # The second run is answered from fragments where the first made some.
        for _ in range(2):
            plan_context, loader = context(seed)
            bound = plan.bind(variables)
            attempt = {} if bound is None else await plan.attempt(bound, plan_context)
            if isinstance(attempt, Planned):
                self.kinds["planned"] += 1
                answer: object = {"data": attempt.data}
            else:
                self.kinds["judged"] += 1
                answer = await core_answer(document, dict(variables), plan_context, replaying(attempt))

            read, wanted = as_json(answer), as_json(expected)
            if read["data"] is None and read != wanted:
                # Of several fields that may not be null GraphQL leaves open which one's failure ends the others.
                assert wanted["data"] is None
                assert len(_never_null(document)) > 1
                continue
            assert read == wanted
            _check_loads(loader.loads, core_loader.loads, is_whole="errors" not in wanted)


@pytest.mark.timeout(900)
def test_generated_operations_are_answered_alike() -> None:
    """Plan and graphql-core give the same JSON, errors and paths included, and ask for the same."""
    counts = Counts()

    @settings(
        max_examples=GENERATED,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        derandomize="GATEWAY_TEST_OPERATIONS" not in os.environ,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operations(SCHEMA.as_str()), st.integers(0, 10**6))
    def answered_alike(text: str, seed: int) -> None:
        chance = Random(seed)
        document = with_names(CORE, parse(text), chance)
        candidates: list[tuple[DocumentNode, dict[str, Any]]] = [(document, {})]
        for _ in range(REWRITINGS):
            rewriting = Rewriting(CORE, chance)
            candidates.append((rewriting.rewritten(document), rewriting.variables))
        with asyncio.Runner() as runner:
            for candidate, variables in candidates:
                if validate(CORE, candidate):
                    counts.kinds["invalid"] += 1
                else:
                    runner.run(counts.check(candidate, variables, seed))

    answered_alike()

    assert counts.kinds["planned"] > counts.kinds["judged"]
    # Each is answered twice; a few that are made up or rewritten are no valid operations.
    assert counts.kinds["planned"] + counts.kinds["judged"] > 1.5 * GENERATED * (1 + REWRITINGS)
