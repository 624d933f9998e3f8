"""What the schema says about a field: an attribute, a resolver that answers at once, or one that waits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from graphql import GraphQLField, GraphQLObjectType
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from gateway.execution.plan.irregular import NotCoveredError
from schema.context import Context

_DEFINITION = "strawberry-definition"
_STRAWBERRY = "strawberry.schema.schema_converter"

# What a wrapper around a resolver carries where a plan may call the resolver without it.
PLAN_CHECK = "plan_check"  # a Check that the plan calls instead
PLAN_WATCHES = "plan_watches"  # true: the wrapper minds the operation's deadline, as whoever runs the plan does

# In a field's metadata: what it resolves to depends on its object, its arguments, the tasks that the Context's loader
# gives it, and the caller's scopes; on nothing else.
DEPENDS_ON_TASKS = "depends_on_tasks"

# In a field's metadata: a function of the object alone that gives what the resolver would give, or raises where the
# resolver would have to wait.
AT_ONCE = "at_once"

Check: TypeAlias = Callable[[Context], None]


@dataclass(frozen=True)
class ResolvedField:
    """How to come by a field's value. Without `function` it is the object's attribute `attribute`."""

    definition: StrawberryField
    attribute: str
    function: Callable[..., Any] | None = None
    takes_source: bool = False
    info_name: str | None = None
    waits: bool = False
    checks: tuple[Check, ...] = ()


def resolved_field(field: GraphQLField) -> ResolvedField:
    """How a plan resolves the field. Raises NotCoveredError where something unknown stands around its resolver."""
    definition = field.extensions.get(_DEFINITION)
    if not isinstance(definition, StrawberryField) or definition.extensions:
        raise NotCoveredError("a field that is not plain Strawberry")
    checks = tuple(_checks(field.resolve))
    resolver = definition.base_resolver
    if AT_ONCE in definition.metadata:
        at_once = definition.metadata[AT_ONCE]
        return ResolvedField(definition, definition.python_name, at_once, takes_source=True, checks=checks)
    if resolver is None:
        return ResolvedField(definition, definition.python_name, checks=checks)
    if resolver.root_parameter is not None or resolver.parent_parameter is not None:
        raise NotCoveredError("a resolver that takes root or parent")
    info = resolver.info_parameter
    return ResolvedField(
        definition=definition,
        attribute=definition.python_name,
        function=cast("Callable[..., Any]", resolver.wrapped_func),
        takes_source=resolver.self_parameter is not None,
        info_name=None if info is None else info.name,
        waits=definition.is_async,
        checks=checks,
    )


def object_class(type_: GraphQLObjectType) -> type:
    """The class whose instances stand for the type. Raises NotCoveredError where there is none."""
    definition = type_.extensions.get(_DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition):
        raise NotCoveredError("an object type that is not Strawberry's")
    return definition.origin


def _checks(resolve: Any) -> Iterator[Check]:
    """What stands around Strawberry's own resolver, outermost first."""
    while resolve is not None and (wrapped := getattr(resolve, "__wrapped__", None)) is not None:
        check = getattr(resolve, PLAN_CHECK, None)
        if check is not None:
            yield check
        elif not getattr(resolve, PLAN_WATCHES, False):
            raise NotCoveredError("a resolver in an unknown wrapper")
        resolve = wrapped
    if getattr(resolve, "__module__", None) != _STRAWBERRY:
        raise NotCoveredError("a resolver that is not Strawberry's")
