"""Every root field stands behind its scope."""

from typing import Any

import pytest

from schema import build_schema
from schema.context import Caller, Context, Scope
from schema.cost import FIELD_COSTS
from schema.errors import ErrorCode, GatewayError
from tests.fakes import fake_readers

SCHEMA = build_schema()._schema
ROOTS = [(SCHEMA.query_type, Scope.READ), (SCHEMA.mutation_type, Scope.WRITE), (SCHEMA.subscription_type, Scope.READ)]
FIELDS = [
    pytest.param(root, name, scope, id=f"{root.name}.{name}")
    for root, scope in ROOTS
    if root is not None
    for name in root.fields
]


class _Info:
    """What a resolver gets, as far as the guard looks."""

    def __init__(self, *scopes: Scope) -> None:
        nobody: Any = None
        self.context = Context(
            Caller("test", frozenset(scopes)), "request-1", nobody, nobody, nobody, nobody, **fake_readers()
        )


@pytest.mark.parametrize(("root", "name", "scope"), FIELDS)
def test_every_root_field_is_guarded(root: Any, name: str, scope: Scope) -> None:
    """Without its scope, all others given, the field is FORBIDDEN before its resolver runs."""
    field = root.fields[name]
    resolve = field.subscribe if root is SCHEMA.subscription_type else field.resolve
    others = [other for other in Scope if other is not scope]

    with pytest.raises(GatewayError) as refused:
        resolve(None, _Info(*others))
    assert refused.value.code is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(("root", "name", "scope"), FIELDS)
def test_every_root_field_has_a_price(root: Any, name: str, scope: Scope) -> None:
    """Each root field has its row in the cost table, so that a new one is thought about."""
    assert f"{root.name}.{name}" in FIELD_COSTS
