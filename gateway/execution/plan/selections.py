"""Which fields an operation asks of each type, as graphql-core collects them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from gateway.execution.plan.irregular import NotCoveredError

_CONDITIONS = frozenset({"include", "skip"})
_TYPENAME = "__typename"


@dataclass(frozen=True)
class SelectedField:
    """One field of an answer's object: every node that asks for it. Without `field` it is `__typename`."""

    name: str
    field: GraphQLField | None
    details: list[FieldDetails]

    @property
    def node(self) -> Any:
        """The node whose arguments count: validation saw to it that they agree."""
        return self.details[0].node


class Selections:
    """One operation's fields, for one choice of the variables that `@include` and `@skip` look at."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, values: VariableValues
    ) -> None:
        self.schema = schema
        self.operation = operation
        self._values = values
        self.fragment_definitions = fragment_definitions(document)
        self._fragments = {name: FragmentDetails(node) for name, node in self.fragment_definitions.items()}

    def of_root(self) -> tuple[GraphQLObjectType, list[SelectedField]]:
        """The query type and what is asked of it. Raises NotCoveredError for another kind of operation."""
        root = self.schema.query_type
        if root is None or self.operation.operation is not OperationType.QUERY:
            raise NotCoveredError("no query")
        return root, self._selected(
            root, collect_fields(self.schema, self._fragments, self._values, root, self.operation)
        )

    def below(self, type_: GraphQLObjectType, parent: SelectedField) -> list[SelectedField]:
        """What is asked of `type_` where it is the value of `parent`."""
        collected = collect_subfields(self.schema, self._fragments, self._values, self.operation, type_, parent.details)
        return self._selected(type_, collected)

    def _selected(self, type_: GraphQLObjectType, collected: CollectedFields) -> list[SelectedField]:
        if collected.new_defer_usages:
            raise NotCoveredError("@defer")
        return [self._field(type_, name, details) for name, details in collected.grouped_field_set.items()]

    def _field(self, type_: GraphQLObjectType, name: str, details: list[FieldDetails]) -> SelectedField:
        field_name = details[0].node.name.value
        if field_name == _TYPENAME:
            return SelectedField(name, None, details)
        field = type_.fields.get(field_name)
        if field is None:
            raise NotCoveredError("introspection")
        return SelectedField(name, field, details)


def fragment_definitions(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The document's fragments by name. Raises NotCoveredError for one with variables of its own."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if any(node.variable_definitions for node in fragments.values()):
        raise NotCoveredError("fragment variables")
    return fragments


def condition_variables(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The variables on which `@include` and `@skip` depend. Raises NotCoveredError for any other directive."""
    if operation.directives:
        raise NotCoveredError("a directive on the operation")
    names: dict[str, None] = {}
    for selection_set in (operation.selection_set, *_bodies(fragment_definitions(document))):
        names.update(dict.fromkeys(_variables(selection_set)))
    return tuple(names)


def _bodies(fragments: Mapping[str, FragmentDefinitionNode]) -> list[SelectionSetNode]:
    if any(node.directives for node in fragments.values()):
        raise NotCoveredError("a directive on a fragment")
    return [node.selection_set for node in fragments.values()]


def _variables(selection_set: SelectionSetNode) -> Iterator[str]:
    for selection in selection_set.selections:
        for directive in selection.directives or ():
            if directive.name.value not in _CONDITIONS:
                raise NotCoveredError("a directive of another kind")
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value
        inner = getattr(selection, "selection_set", None)
        if inner is not None:
            yield from _variables(inner)
