"""Scopes: `read` for every field of Query and Subscription, `write` for every field of Mutation."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType

from schema.context import Context, Scope
from schema.errors import ErrorCode, GatewayError


def guard_root_fields(schema: strawberry.Schema) -> None:
    """Puts every root field behind its scope: without it the field is FORBIDDEN and its resolver never runs."""
    executable = schema._schema
    for root, scope in (
        (executable.query_type, Scope.READ),
        (executable.subscription_type, Scope.READ),
        (executable.mutation_type, Scope.WRITE),
    ):
        for field in _fields(root):
            # A subscription is refused when it starts; what its events resolve to was allowed with it.
            if root is executable.subscription_type:
                field.subscribe = _guarded(field.subscribe, scope)
            else:
                field.resolve = _guarded(field.resolve, scope)


def require(context: Context, scope: Scope) -> None:
    """Raises GatewayError FORBIDDEN when the caller lacks the scope."""
    if scope not in context.caller.scopes:
        raise GatewayError(ErrorCode.FORBIDDEN, f"your credentials lack the scope {scope.value!r}")


def _fields(root: GraphQLObjectType | None) -> list[GraphQLField]:
    return [] if root is None else list(root.fields.values())


def _guarded(resolve: Callable[..., Any] | None, scope: Scope) -> Callable[..., Any]:
    if resolve is None:
        raise ValueError("a root field without a resolver cannot be guarded")

    @wraps(resolve)
    def guarded(source: Any, info: Any, **arguments: Any) -> Any:
        require(info.context, scope)
        return resolve(source, info, **arguments)

    # Whoever calls the resolver without this wrapper makes this check instead.
    guarded.plan_check = partial(require, scope=scope)  # type: ignore[attr-defined]  # functions take any
    return guarded
