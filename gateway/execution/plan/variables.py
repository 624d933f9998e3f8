"""Variables as graphql-core coerces them. Lists of tasks' names, most of what clients send, cost one look a name."""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    GraphQLSchema,
    VariableDefinitionNode,
    get_nullable_type,
    is_list_type,
    type_from_ast,
)
from graphql.execution.values import VariableValues, get_variable_values

from gateway.execution.plan.irregular import IrregularError
from schema.references import TEXTS

# The input that names a task.
_NAME = "TaskBy"


class Variables:
    """The variables of one operation."""

    def __init__(self, schema: GraphQLSchema, definitions: Iterable[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._definitions = tuple(definitions)
        self._lists_of_names = tuple(
            definition.variable.name.value for definition in self._definitions if _is_list_of_names(schema, definition)
        )

    def coerced(self, given: Mapping[str, Any]) -> VariableValues:
        """The values as resolvers take them. Raises IrregularError where one does not fit."""
        checked = {name: given[name] for name in self._lists_of_names if _are_texts(given.get(name))}
        values = get_variable_values(
            self._schema, self._definitions, {**given, **{name: [] for name in checked}}, max_errors=1
        )
        if isinstance(values, list):
            raise IrregularError
        for name, value in checked.items():
            values.sources[name] = values.sources[name]._replace(value=value)
            values.coerced[name] = value
        return values


def _is_list_of_names(schema: GraphQLSchema, definition: VariableDefinitionNode) -> bool:
    type_: Any = type_from_ast(schema, definition.type)
    list_type = get_nullable_type(type_)
    return is_list_type(list_type) and getattr(get_nullable_type(list_type.of_type), "name", None) == _NAME


def _are_texts(value: object) -> bool:
    """Whether it is a list in which each item names a task by exactly one text. ID and String take a text as it is."""
    if not isinstance(value, list):
        return False
    for item in value:
        if item.__class__ is not dict or len(item) != 1:
            return False
        ((name, text),) = item.items()
        if text.__class__ is not str or name not in TEXTS:
            return False
    return True
