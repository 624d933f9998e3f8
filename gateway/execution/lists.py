"""Lists in variables that are far too long: refused before thousands of inputs are made for a field to refuse."""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLSchema,
    VariableDefinitionNode,
    get_nullable_type,
    type_from_ast,
)

from gateway.refusals import refusal

# Fields take 100 entries and say so themselves, in their place; twice as many is no oversight.
MAX_ENTRIES = 200


class VariableLists:
    """The variables of one operation in which the schema has lists. Free JSON may hold lists of any length."""

    def __init__(self, schema: GraphQLSchema, definitions: Iterable[VariableDefinitionNode]) -> None:
        self._types: dict[str, GraphQLInputType] = {}
        self._deep: dict[str, bool] = {}
        for definition in definitions:
            type_: Any = type_from_ast(schema, definition.type)
            if type_ is not None and _holds_lists(type_, set()):
                self._types[definition.variable.name.value] = type_

    def check(self, variables: Mapping[str, Any]) -> None:
        """Raises a Refusal BAD_USER_INPUT for a list of more than 200 entries."""
        for name, type_ in self._types.items():
            self._check(variables.get(name), type_, name)

    def _check(self, value: object, type_: GraphQLInputType, name: str) -> None:
        nullable = get_nullable_type(type_)
        if isinstance(nullable, GraphQLList) and isinstance(value, list):
            if len(value) > MAX_ENTRIES:
                raise refusal("BAD_USER_INPUT", f"{name} takes at most 100 entries, not {len(value)}", lenient=True)
            if self._are_deep(nullable.of_type):
                for item in value:
                    self._check(item, nullable.of_type, name)
        elif isinstance(nullable, GraphQLInputObjectType) and isinstance(value, dict):
            for key, field in nullable.fields.items():
                if key in value:
                    self._check(value[key], field.type, key)

    def _are_deep(self, item_type: GraphQLInputType) -> bool:
        """Whether a list's items hold lists in turn; found once, as a hundred items are told by one look."""
        spelt = str(item_type)
        if spelt not in self._deep:
            self._deep[spelt] = _holds_lists(item_type, set())
        return self._deep[spelt]


def _holds_lists(type_: GraphQLInputType, seen: set[str]) -> bool:
    nullable = get_nullable_type(type_)
    if isinstance(nullable, GraphQLList):
        return True
    if not isinstance(nullable, GraphQLInputObjectType) or nullable.name in seen:
        return False
    seen.add(nullable.name)
    return any(_holds_lists(field.type, seen) for field in nullable.fields.values())
