"""What an operation costs, and how many backend calls it may make: one linear pass over the schema's cost table.

Linear because a fragment is measured once: what it costs is a number, and what its lists would cost an item is kept
by name until the field that knows their size is met.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    value_from_ast_untyped,
)

from schema.cost import CALL, FIELD_COSTS, UNKNOWN_LIST_SIZE, FieldCost

# A longer list, or a larger page, is refused by its own field: here it counts as the most that could ever be read.
_MAX_ITEMS = 100
_CAP = 10.0**12

Variables: TypeAlias = Mapping[str, Any]
# A variable and the input fields below it: ("input", "tasks").
VariablePath: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """`cost` in objects and weights, `calls` in requests to backends."""

    cost: int
    calls: int


@dataclass(frozen=True, slots=True)
class _Field:
    type_name: str
    is_composite: bool
    is_list: bool
    row: FieldCost


@dataclass(slots=True)
class _Sum:
    """Cost without calls, calls, and for each list whose size its parent knows, cost and calls of one item."""

    cost: float = 0
    calls: float = 0
    lists: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, other: "_Sum") -> None:
        self.cost = min(self.cost + other.cost, _CAP)
        self.calls = min(self.calls + other.calls, _CAP)
        for name, (cost, calls) in other.lists.items():
            self.add_list(name, cost, calls)

    def add_list(self, name: str, cost: float, calls: float) -> None:
        known = self.lists.get(name, (0.0, 0.0))
        self.lists[name] = (min(known[0] + cost, _CAP), min(known[1] + calls, _CAP))


class CostTable:
    """Every field of a schema with its row of the cost table."""

    def __init__(self, schema: GraphQLSchema, rows: Mapping[str, FieldCost] = FIELD_COSTS) -> None:
        self.roots = {
            operation: root.name
            for operation in ("query", "mutation", "subscription")
            if (root := getattr(schema, f"{operation}_type")) is not None
        }
        self._fields: dict[str, dict[str, _Field]] = {}
        for type_name, type_ in schema.type_map.items():
            if type_name.startswith("__") or not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
                continue
            self._fields[type_name] = {
                name: _Field(
                    type_name=get_named_type(definition.type).name,
                    is_composite=is_composite_type(get_named_type(definition.type)),
                    is_list=is_list_type(get_nullable_type(definition.type)),
                    row=rows.get(f"{type_name}.{name}", FieldCost()),
                )
                for name, definition in type_.fields.items()
            }

    def find(self, type_name: str, field_name: str) -> _Field | None:
        """None for what the schema does not have, and for introspection, which asks no backend."""
        return self._fields.get(type_name, {}).get(field_name)


class OperationCost:
    """The charge of one validated operation; measured again only for variables that change the size of a list."""

    def __init__(self, table: CostTable, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._table = table
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._operation = operation
        self._defaults = {
            variable.variable.name.value: value_from_ast_untyped(variable.default_value)
            for variable in operation.variable_definitions or ()
            if variable.default_value is not None
        }
        measuring = _Measuring(table, self._fragments, self._defaults)
        self._fixed = measuring.total(operation)
        # Which variables matter is known after one pass: what is asked for does not depend on them.
        self._paths = tuple(measuring.paths)
        self._known: dict[tuple[int | None, ...], Charge] = {}

    def charge(self, variables: Variables) -> Charge:
        """With these variables, as the client sent them."""
        if not self._paths:
            return self._fixed
        sizes = tuple(_size_at(variables, self._defaults, path) for path in self._paths)
        known = self._known.get(sizes)
        if known is None:
            known = _Measuring(self._table, self._fragments, {**self._defaults, **variables}).total(self._operation)
            if len(self._known) < 256:
                self._known[sizes] = known
        return known


class _Measuring:
    """One pass with given variables. `paths` collects the variables that size something."""

    def __init__(self, table: CostTable, fragments: Mapping[str, FragmentDefinitionNode], variables: Variables) -> None:
        self._table = table
        self._fragments = fragments
        self._variables = variables
        self._known: dict[str, _Sum] = {}
        self.paths: dict[VariablePath, None] = {}

    def total(self, operation: OperationDefinitionNode) -> Charge:
        root = self._table.roots[operation.operation.value]
        found = self._selections(operation.selection_set, root)
        cost, calls = _settled(found, lambda _: UNKNOWN_LIST_SIZE)
        return Charge(cost=ceil(min(cost + calls * CALL, _CAP)), calls=ceil(min(calls, _CAP)))

    def _selections(self, selection_set: SelectionSetNode, type_name: str) -> _Sum:
        found = _Sum()
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                self._add_field(found, selection, type_name)
            elif isinstance(selection, FragmentSpreadNode):
                found.add(self._fragment(selection.name.value))
            else:  # an InlineFragmentNode, the only kind left
                condition = selection.type_condition  # type: ignore[attr-defined]
                inner = type_name if condition is None else condition.name.value
                found.add(self._selections(selection.selection_set, inner))  # type: ignore[attr-defined]  # as above
        return found

    def _fragment(self, name: str) -> _Sum:
        known = self._known.get(name)
        if known is None:
            definition = self._fragments[name]
            known = self._selections(definition.selection_set, definition.type_condition.name.value)
            self._known[name] = known
        return known

    def _add_field(self, found: _Sum, node: FieldNode, type_name: str) -> None:
        definition = self._table.find(type_name, node.name.value)
        if definition is None:
            return
        row = definition.row
        arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
        size = self._size(row, arguments)
        cost, calls = float(definition.is_composite), 0.0
        if node.selection_set is not None:
            below = self._selections(node.selection_set, definition.type_name)
            sized = row.sized_fields
            inner_cost, inner_calls = _settled(below, lambda name: size if name in sized else UNKNOWN_LIST_SIZE)
            cost, calls = cost + inner_cost, calls + inner_calls
        times = self._items(arguments, row.per_item_of) if row.per_item_of is not None else 1
        found.calls = min(found.calls + row.weight / CALL * times, _CAP)
        if definition.is_list and row.assumed_size is None:
            found.add_list(node.name.value, cost, calls)
            return
        factor = size if definition.is_list else 1
        found.cost = min(found.cost + cost * factor, _CAP)
        found.calls = min(found.calls + calls * factor, _CAP)

    def _size(self, row: FieldCost, arguments: Mapping[str, ValueNode]) -> int:
        for path in row.slicing_arguments:
            size = self._argument_size(arguments, path)
            if size is not None:
                return size
        return row.assumed_size or 1

    def _items(self, arguments: Mapping[str, ValueNode], path: str) -> int:
        size = self._argument_size(arguments, path)
        return _MAX_ITEMS if size is None else size

    def _argument_size(self, arguments: Mapping[str, ValueNode], path: str) -> int | None:
        name, *below = path.split(".")
        node = arguments.get(name)
        while below and isinstance(node, ObjectValueNode):
            step = below.pop(0)
            node = next((item.value for item in node.fields if item.name.value == step), None)
        if node is None:
            return None
        if isinstance(node, VariableNode):
            variable_path = (node.name.value, *below)
            self.paths[variable_path] = None
            return _size_at(self._variables, {}, variable_path)
        if isinstance(node, ListValueNode):
            return min(len(node.values), _MAX_ITEMS)
        if isinstance(node, IntValueNode):
            return _bounded(int(node.value[:12]))
        return 1  # GraphQL makes a lone value a list of one


def _settled(found: _Sum, size_of: Callable[[str], int]) -> tuple[float, float]:
    cost, calls = found.cost, found.calls
    for name, (item_cost, item_calls) in found.lists.items():
        cost += item_cost * size_of(name)
        calls += item_calls * size_of(name)
    return min(cost, _CAP), min(calls, _CAP)


def _bounded(size: int) -> int:
    return min(max(size, 0), _MAX_ITEMS)


def _size_at(variables: Variables, defaults: Variables, path: VariablePath) -> int | None:
    value = variables[path[0]] if path[0] in variables else defaults.get(path[0])
    for step in path[1:]:
        value = value.get(step) if isinstance(value, dict) else None
    return _size_of(value)


def _size_of(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, list):
        return min(len(value), _MAX_ITEMS)
    if isinstance(value, int):
        return _bounded(value)
    return 1
