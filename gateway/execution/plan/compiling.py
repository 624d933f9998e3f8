"""Plan: one operation of a document, compiled for each choice that `@include` and `@skip` leave open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import orjson
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, OperationType
from graphql.execution.values import VariableValues

from gateway.execution.plan.calls import Call, Outcomes, Run
from gateway.execution.plan.fragments import Fragments
from gateway.execution.plan.irregular import NotCoveredError
from gateway.execution.plan.rendering import Renderers
from gateway.execution.plan.selections import Selections, condition_variables
from gateway.execution.plan.variables import Variables
from gateway.execution.plan.waiting import WaitingObject
from gateway.remembered import Remembered
from gateway.within import within
from schema.context import Context

# More choices than these in one document are left to graphql-core.
_MOST_VARIANTS = 16
# Of all operations' variables with the arguments made of them so many are kept, of so many bytes, estimated: what is
# made of variables takes some twelve times their text, and each may be the last to hold its document, which takes some
# fifty times its own.
_MOST_BOUND = 8000
_MOST_BOUND_BYTES = 32 * 1024 * 1024
_BYTES_A_VARIABLE_BYTE = 12
_BYTES_A_CHARACTER = 50
_BOUND_BYTES = 1000

Choice: TypeAlias = tuple[object, ...]


@dataclass(slots=True)
class Bound:
    """What one set of variables makes of a plan: which variant, with which arguments.

    `depends_on_tasks` and the caller alone: then its answers may be kept, on `shelf`. To keep what is asked once
    costs more than it saves: most requests with variables of their own never come again, those that `comes_again`
    tells of do.
    """

    root: WaitingObject
    values: VariableValues
    arguments: Mapping[Call, Mapping[str, Any]]
    depends_on_tasks: bool
    shelf: dict[Any, Any] = field(default_factory=dict)
    comes_again: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan's answer: its data as JSON, and the run that led to it."""

    text: bytes
    run: Run

    @property
    def is_whole(self) -> bool:
        """Whether all that was asked for was found, or is known not to be there."""
        return self.run.found_all

    @property
    def data(self) -> orjson.Fragment:
        """The data, as a part of what orjson writes."""
        return orjson.Fragment(self.text)


# By the plan's number and its variables' text.
KnownBindings: TypeAlias = Remembered[tuple[int, bytes], Bound]
_NUMBERS = count()


class _Variant(NamedTuple):
    root: WaitingObject
    calls: list[Call]


class Plan:
    """Answers one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        fragments: Fragments,
        known: KnownBindings,
    ) -> None:
        """Raises NotCoveredError where the operation is left to graphql-core."""
        self._schema = schema
        self._document = document
        self._operation = operation
        self._fragments = fragments
        self._variables = Variables(schema, operation.variable_definitions or ())
        self._conditions = condition_variables(document, operation)
        self._variants: dict[Choice, _Variant] = {}
        self._known = known
        self._number = next(_NUMBERS)
        self._bytes = _BOUND_BYTES + _BYTES_A_CHARACTER * (len(document.loc.source.body) if document.loc else 0)

    def bind(self, variables: Mapping[str, Any]) -> Bound | None:
        """The plan for these variables; None where graphql-core has to answer."""
        try:
            return self._kept_or_new(variables)
        except Exception:  # noqa: BLE001  graphql-core words the error, or finds none
            return None

    def _kept_or_new(self, variables: Mapping[str, Any]) -> Bound:
        key = orjson.dumps(variables, option=orjson.OPT_SORT_KEYS) if variables else b""
        bound = self._known.get((self._number, key))
        if bound is None:
            bound = self._bind(variables)
            self._known.keep((self._number, key), bound, self._bytes + _BYTES_A_VARIABLE_BYTE * len(key))
        else:
            bound.comes_again = True
        return bound

    async def attempt(self, bound: Bound, context: Context) -> Planned | Outcomes:
        """The answer's data, or what its resolvers came to before graphql-core has to decide.

        Gives up at the Context's deadline.
        """
        run = Run(context, bound.values, bound.arguments)
        try:
            return await within(context.deadline, _answer(bound.root, run))
        except Exception:  # noqa: BLE001  graphql-core words the error, or finds none
            return run.outcomes

    def _bind(self, variables: Mapping[str, Any]) -> Bound:
        values = self._variables.coerced(variables)
        variant = self._variant(values)
        return Bound(
            root=variant.root,
            values=values,
            arguments={call: call.arguments(values) for call in variant.calls},
            depends_on_tasks=all(call.depends_on_tasks for call in variant.calls),
        )

    def _variant(self, values: VariableValues) -> _Variant:
        choice = tuple(values.coerced.get(name) for name in self._conditions)
        variant = self._variants.get(choice)
        if variant is None:
            if len(self._variants) >= _MOST_VARIANTS:
                raise NotCoveredError("too many choices")
            variant = self._variants[choice] = self._compile(values)
        return variant

    def _compile(self, values: VariableValues) -> _Variant:
        selections = Selections(self._schema, self._document, self._operation, values)
        renderers = Renderers(selections, self._fragments)
        type_, fields = selections.of_root()
        return _Variant(WaitingObject(renderers, type_, fields, is_root=True), renderers.calls)


async def _answer(root: WaitingObject, run: Run) -> Planned:
    return Planned(orjson.dumps(await root.complete(None, run, ())), run)


class Plans:
    """Makes the plans of one schema. Their fragments share one bound, and so do their bindings."""

    def __init__(self, schema: GraphQLSchema, fragments: Fragments) -> None:
        self._schema = schema
        self._fragments = fragments
        self._known: KnownBindings = Remembered(_MOST_BOUND, _MOST_BOUND_BYTES)

    def of(self, document: DocumentNode, operation: OperationDefinitionNode) -> Plan | None:
        """The operation's plan; None where it is left to graphql-core. `document` is valid."""
        if operation.operation is not OperationType.QUERY:
            return None
        try:
            return Plan(self._schema, document, operation, self._fragments, self._known)
        except NotCoveredError:
            return None
