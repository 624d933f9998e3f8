"""How large a document is once its fragments are spread: one linear pass, a memo per fragment, no schema needed.

It runs before validation, which is far slower on a hostile document. Spreading is counted, never done: a fragment
that spreads the next one twice, forty levels deep, costs forty steps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)

# Counters stop here: a bomb's true counts have hundreds of digits.
_CAP = 10**9
# Selections and spreads inside one another; far above what the depth limits let through.
_MAX_NESTING = 150
_INTROSPECTION_ROOTS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Structure:
    """What one operation asks for, fragments spread. `depth` counts fields inside one another, the root's being 1."""

    depth: int = 0
    introspection_depth: int = 0
    aliases: int = 0
    fields: int = 0
    root_fields: int = 0


@dataclass(frozen=True, slots=True)
class DirectiveUse:
    """How many directives stand in a whole document, and at most on one node."""

    total: int = 0
    most_on_a_node: int = 0


class NestedTooDeeplyError(Exception):
    """Selections, fragments or literals stand inside one another beyond every limit."""


def analyse(document: DocumentNode) -> tuple[list[tuple[OperationDefinitionNode, Structure]], DirectiveUse]:
    """Every operation with its structure, and the document's directives. Raises NestedTooDeeplyError.

    An unknown fragment counts nothing and a fragment cycle ends where it closes: validation names both.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    analyser = _Analyser(fragments)
    operations = [
        (definition, analyser.operation(definition))
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]
    for fragment in fragments.values():
        analyser.fragment(fragment.name.value, 0)  # so that an unused fragment's directives count too
    return operations, DirectiveUse(analyser.directives, analyser.most_on_a_node)


class _Analyser:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Structure] = {}
        self._open: set[str] = set()
        self.directives = 0
        self.most_on_a_node = 0

    def operation(self, node: OperationDefinitionNode) -> Structure:
        self._count_directives(node.directives)
        for variable in node.variable_definitions or ():
            self._count_directives(variable.directives)
            if variable.default_value is not None:
                _check_nesting(variable.default_value)
        return self._selections(node.selection_set, 1)

    def fragment(self, name: str, nesting: int) -> Structure:
        known = self._known.get(name)
        if known is not None:
            return known
        definition = self._fragments.get(name)
        if definition is None or name in self._open:
            return Structure()
        self._open.add(name)
        self._count_directives(definition.directives)
        structure = self._selections(definition.selection_set, nesting + 1)
        self._open.discard(name)
        self._known[name] = structure
        return structure

    def _selections(self, selection_set: SelectionSetNode, nesting: int) -> Structure:
        if nesting > _MAX_NESTING:
            raise NestedTooDeeplyError
        depth = introspection_depth = aliases = fields = root_fields = 0
        for selection in selection_set.selections:
            self._count_directives(selection.directives)
            if isinstance(selection, FieldNode):
                part = self._field(selection, nesting)
            elif isinstance(selection, FragmentSpreadNode):
                part = self.fragment(selection.name.value, nesting)
            elif isinstance(selection, InlineFragmentNode):
                part = self._selections(selection.selection_set, nesting + 1)
            else:
                continue
            depth = max(depth, part.depth)
            introspection_depth = max(introspection_depth, part.introspection_depth)
            aliases += part.aliases
            fields += part.fields
            root_fields += part.root_fields
        return Structure(depth, introspection_depth, min(aliases, _CAP), min(fields, _CAP), min(root_fields, _CAP))

    def _field(self, node: FieldNode, nesting: int) -> Structure:
        for argument in node.arguments or ():
            _check_nesting(argument.value)
        below = Structure() if node.selection_set is None else self._selections(node.selection_set, nesting + 1)
        is_introspection = node.name.value in _INTROSPECTION_ROOTS
        return Structure(
            depth=1 if is_introspection else below.depth + 1,
            introspection_depth=below.depth if is_introspection else below.introspection_depth,
            aliases=below.aliases + (node.alias is not None),
            fields=below.fields + 1,
            root_fields=1,
        )

    def _count_directives(self, directives: Iterable[DirectiveNode] | None) -> None:
        count = 0
        for directive in directives or ():
            count += 1
            for argument in directive.arguments or ():
                _check_nesting(argument.value)
        self.directives += count
        self.most_on_a_node = max(self.most_on_a_node, count)


def _check_nesting(value: ValueNode, nesting: int = 0) -> None:
    if nesting > _MAX_NESTING:
        raise NestedTooDeeplyError
    if isinstance(value, ListValueNode):
        for item in value.values:
            _check_nesting(item, nesting + 1)
    elif isinstance(value, ObjectValueNode):
        for field in value.fields:
            _check_nesting(field.value, nesting + 1)
