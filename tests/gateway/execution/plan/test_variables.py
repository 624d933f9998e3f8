"""Variables are coerced as graphql-core coerces them, whatever way is taken."""

import gc
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse
from graphql.execution.values import VariableValues, get_variable_values

from gateway.execution.plan import Bound, Fragments, Plan, Plans
from gateway.execution.plan.irregular import IrregularError
from gateway.execution.plan.variables import Variables
from schema import build_schema

SCHEMA = build_schema()._schema
OPERATION = parse(
    'query($by: [TaskBy!]! = [{scaleTaskId: "d"}], $loose: [TaskBy!], $one: TaskBy, $first: Int = 3)'
    " { lookupTasks(by: $by) { __typename } }"
).definitions[0]
assert isinstance(OPERATION, OperationDefinitionNode)
DEFINITIONS = OPERATION.variable_definitions or ()

FITTING: list[dict[str, Any]] = [
    {},
    {"by": []},
    {"by": [{"scaleTaskId": "a"}, {"id": "x"}, {"scaleUniqueId": "車"}], "first": 5},
    {"by": [{"scaleTaskId": "a"}] * 100, "loose": [{"id": "b"}]},
    {"by": {"scaleTaskId": "a"}},
    {"by": [{"scaleTaskId": 7}], "loose": None},
    {"by": [{"rosetta": {"campaignId": "c", "annotationRequestId": "r", "sceneId": "s"}}, {"scaleTaskId": "a"}]},
    {"one": {"scaleTaskId": "a"}, "unknown": 1},
]
UNFIT: list[dict[str, Any]] = [
    {"by": None},
    {"by": [None]},
    {"by": [{}]},
    {"by": [{"scaleTaskId": None}]},
    {"by": [{"scaleTaskId": "a"}, {"scaleTaskId": ["a"]}]},
    {"by": [{"scaleTaskId": "a", "id": "b"}]},
    {"by": [{"scaleUniqueId": 7}]},
    {"by": [{"other": "a"}]},
    {"by": ["a"]},
    {"by": [{"scaleTaskId": "a"}], "first": "x"},
]


@pytest.mark.parametrize("given", FITTING)
def test_as_graphql_core(given: dict[str, Any]) -> None:
    """The same values and the same sources."""
    wanted = get_variable_values(SCHEMA, DEFINITIONS, given)

    assert isinstance(wanted, VariableValues)
    ours = Variables(SCHEMA, DEFINITIONS).coerced(given)
    assert ours.coerced == wanted.coerced
    assert {name: source.value for name, source in ours.sources.items()} == {
        name: source.value for name, source in wanted.sources.items()
    }


@pytest.mark.parametrize("given", UNFIT)
def test_what_does_not_fit(given: dict[str, Any]) -> None:
    """What graphql-core refuses is left to it."""
    assert isinstance(get_variable_values(SCHEMA, DEFINITIONS, given), list)
    with pytest.raises(IrregularError):
        Variables(SCHEMA, DEFINITIONS).coerced(given)


def test_what_comes_once_is_not_held() -> None:
    """The first time variables come they are forgotten, the second time held, and found the third time."""
    plan = _plan(Plans(SCHEMA, Fragments()), 0)
    bound = [plan.bind(_names(0)) for _ in range(3)]

    assert [one is not None and one.comes_again for one in bound] == [False, True, True]
    assert bound[0] is not bound[1] is bound[2]


def test_what_is_too_large_is_never_held() -> None:
    """Variables that are not held do not come again: nobody would find the answers that are kept of them."""
    plan = _plan(Plans(SCHEMA, Fragments()), 0)
    large = {"by": [{"scaleTaskId": "x" * 500_000}]}
    bound = [plan.bind(large) for _ in range(3)]

    assert [one is not None and one.comes_again for one in bound] == [False] * 3


def test_bindings_share_one_bound() -> None:
    """However many operations are asked with however many variables, what is kept of them stays bounded."""
    plans, before = Plans(SCHEMA, Fragments()), _held()
    for number in range(100):
        plan = _plan(plans, number)
        for start in range(20):
            plan.bind(_names(start // 2))

    assert plan.bind(_names(9)) is plan.bind(_names(9))
    assert 100 < _held() - before < 1000


def _held() -> int:
    gc.collect()
    return sum(type(kept) is Bound for kept in gc.get_objects())


def _names(start: int) -> dict[str, list[dict[str, str]]]:
    return {"by": [{"scaleTaskId": f"{start:02}{name:022}"} for name in range(100)]}


def _plan(plans: Plans, number: int) -> Plan:
    document = parse(f"query Q{number}($by: [TaskBy!]!) {{ lookupTasks(by: $by) {{ __typename }} }}")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    plan = plans.of(document, operation)
    assert plan is not None
    return plan
