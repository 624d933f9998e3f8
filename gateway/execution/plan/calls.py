"""Calls of resolvers: what they are given, and what became of each, for graphql-core to go on from."""

import asyncio
from collections.abc import Mapping
from inspect import isawaitable
from typing import Any, TypeAlias

from graphql import GraphQLObjectType
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path
from graphql.type.definition import GraphQLResolveInfo
from strawberry.types.info import Info

from gateway.execution.plan.arguments import converted
from gateway.execution.plan.fields import DEPENDS_ON_TASKS, ResolvedField
from gateway.execution.plan.irregular import IrregularError
from gateway.execution.plan.selections import SelectedField, Selections
from schema.context import Context
from schema.errors import RequestTimeoutError, TaskError, TaskNotFoundError

ResponsePath: TypeAlias = tuple[str | int, ...]
# True and the value, or False and the exception.
CallOutcome: TypeAlias = tuple[bool, Any]
Outcomes: TypeAlias = dict[ResponsePath, CallOutcome]


class Call:
    """One field's resolver, ready to be called."""

    def __init__(
        self, resolved: ResolvedField, selected: SelectedField, parent: GraphQLObjectType, selections: Selections
    ) -> None:
        assert resolved.function is not None
        assert selected.field is not None
        self._function = resolved.function
        self._resolved = resolved
        self._takes_source = resolved.takes_source
        self._info_name = resolved.info_name
        self._checks = resolved.checks
        self._field = selected.field
        self._selected = selected
        self._parent = parent
        self._selections = selections
        # Only what is known to depend on nothing else may be kept: a new field is not, until its author says so.
        self.depends_on_tasks = DEPENDS_ON_TASKS in resolved.definition.metadata

    def arguments(self, values: VariableValues) -> Mapping[str, Any]:
        """What the resolver takes besides its object and `info`. Raises what graphql-core or Strawberry raises."""
        if not self._field.args:
            return {}
        given = get_argument_values(self._field, self._selected.node, values)
        # Strawberry hangs its own schema on graphql-core's, whose type does not know of it.
        converter = self._selections.schema._strawberry_schema.schema_converter  # type: ignore[attr-defined]
        return converted(given, self._resolved.definition.arguments, converter)

    def __call__(self, source: object, run: "Run") -> Any:
        """What the resolver returns. Raises what it, or a check before it, raises."""
        context = run.context
        for check in self._checks:
            check(context)
        arguments = run.arguments[self]
        if self._info_name is not None:
            # A _LazyInfo gives what graphql-core's own gives, and makes it only when asked.
            arguments = {**arguments, self._info_name: Info(_LazyInfo(self, run), self._resolved.definition)}  # type: ignore[arg-type]
        if self._takes_source:
            return self._function(source, **arguments)
        return self._function(**arguments)

    def whole_info(self, run: "Run") -> "GraphQLResolveInfo[Context]":
        """What graphql-core would give, but without positions in lists."""
        selections = self._selections
        return GraphQLResolveInfo(
            self._selected.node.name.value,
            [details.node for details in self._selected.details],
            self._field.type,
            self._parent,
            Path(None, self._selected.name, self._parent.name),
            selections.schema,
            selections.fragment_definitions,
            None,
            selections.operation,
            # From here on as Strawberry's own executor does, whatever graphql-core's annotations say.
            run.values.coerced,  # type: ignore[arg-type]
            run.context,
            isawaitable,  # type: ignore[arg-type]
            None,
            None,  # type: ignore[arg-type]
        )


class Run:
    """One run of a plan: the operation's Context, its arguments, and what its calls came to."""

    __slots__ = ("arguments", "context", "outcomes", "values")

    def __init__(self, context: Context, values: VariableValues, arguments: Mapping[Call, Mapping[str, Any]]) -> None:
        self.context = context
        self.values = values
        self.arguments = arguments
        self.outcomes: Outcomes = {}

    @property
    def found_all(self) -> bool:
        """Whether each call came to what was asked for, or to nothing: no failure that is data."""
        return not any(_holds_failure(value) for _, value in self.outcomes.values())

    async def wait_for(self, call: Call, source: object, path: ResponsePath) -> Any:
        """What the call comes to. Raises IrregularError where it fails; the failure itself is noted."""
        try:
            value = await call(source, self)
        except IrregularError:
            raise
        except asyncio.CancelledError:
            # The operation's time is up, or nobody waits for it any more: graphql-core must not ask once more.
            self.outcomes[path] = False, RequestTimeoutError()
            raise
        except Exception as error:
            self.outcomes[path] = False, error
            raise IrregularError from error
        self.outcomes[path] = True, value
        return value


def _holds_failure(value: object) -> bool:
    if isinstance(value, list):
        # A hundred items are of two or three classes.
        return any(issubclass(one, TaskError) and one is not TaskNotFoundError for one in set(map(type, value)))
    return isinstance(value, TaskError)


class _LazyInfo:
    """Stands for graphql-core's info: nearly every resolver looks at the Context alone."""

    __slots__ = ("_call", "_run", "context")

    def __init__(self, call: Call, run: Run) -> None:
        self.context = run.context
        self._call = call
        self._run = run

    def __getattr__(self, name: str) -> Any:
        if name == "path":
            # Positions in lists are not known to a plan.
            raise IrregularError
        return getattr(self._call.whole_info(self._run), name)
