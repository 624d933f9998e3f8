"""Lists in variables that are far too long: refused before thousands of inputs are made for a field to refuse."""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLScalarType,
    GraphQLSchema,
    VariableDefinitionNode,
    get_nullable_type,
    type_from_ast,
)

from gateway.refusals import refusal
from schema.filter import MAX_LIST_ARGUMENT

# Fields that take 100 entries say so themselves, in their place; twice as many is no oversight.
_MOST_NAMES = 2 * MAX_LIST_ARGUMENT
# Attachments and tags have no such bound. This many texts are made in some 20 ms.
_MOST_TEXTS = 10_000
_TEXTS = ("String", "URL")


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
        """Raises a Refusal BAD_USER_INPUT for a list of more than 200 entries, of texts that are no ids 10000."""
        for name, type_ in self._types.items():
            self._check(variables.get(name), type_, name)

    def _check(self, value: object, type_: GraphQLInputType, name: str) -> None:
        nullable = get_nullable_type(type_)
        if isinstance(nullable, GraphQLList) and isinstance(value, list):
            _check_length(len(value), nullable, name)
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


def _check_length(length: int, list_: GraphQLList[Any], name: str) -> None:
    if _are_texts(list_):
        if length > _MOST_TEXTS:
            raise refusal("BAD_USER_INPUT", f"{length} entries are too many for {name}", lenient=True)
    elif length > _MOST_NAMES:
        told = f"{name} takes at most {MAX_LIST_ARGUMENT} entries, not {length}"
        raise refusal("BAD_USER_INPUT", told, lenient=True)


def _are_texts(list_: GraphQLList[Any]) -> bool:
    """Whether the entries are texts that need not be ids: unique ids are among them, which their field bounds."""
    item = get_nullable_type(list_.of_type)
    return isinstance(item, GraphQLScalarType) and item.name in _TEXTS


def _holds_lists(type_: GraphQLInputType, seen: set[str]) -> bool:
    nullable = get_nullable_type(type_)
    if isinstance(nullable, GraphQLList):
        return True
    if not isinstance(nullable, GraphQLInputObjectType) or nullable.name in seen:
        return False
    seen.add(nullable.name)
    return any(_holds_lists(field.type, seen) for field in nullable.fields.values())
