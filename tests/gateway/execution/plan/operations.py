"""Operations for the equality tests: generated from the schema, then given arguments that name something."""

from collections.abc import Callable
from random import Random
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    parse_const_value,
    parse_type,
    value_from_ast_untyped,
    visit,
)
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from schema.references import global_id
from tests.fakes import rosetta, scale

_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "DateTime": st.just(nodes.String("2026-03-01T12:00:00Z")),
    "JSON": st.just(nodes.String("any")),
    "URL": st.just(nodes.String("https://host/")),
}
_IDS = (
    *(global_id(scale(name)) for name in ("a", "b", "c", "d")),
    *(global_id(rosetta(name)) for name in ("s", "t")),
    *(global_id(scale(name)) for name in ("a", "b", "c", "d")),
    *(global_id(scale(name)) for name in ("a", "b", "c", "d")),
)
_TASKS = (
    *(f'{{scaleTaskId: "{name}"}}' for name in ("a", "b", "c", "d", "a", "b", "c", "no such id!")),
    *(f'{{scaleUniqueId: "{name}"}}' for name in ("u", "v")),
    *(f'{{rosetta: {{campaignId: "c", annotationRequestId: "r", sceneId: "{name}"}}}}' for name in ("s", "t")),
    *(f'{{id: "{name}"}}' for name in _IDS),
)


def operations(sdl: str) -> st.SearchStrategy[str]:
    """Valid queries of the schema, their arguments random."""
    return queries(sdl, custom_scalars=_SCALARS)


def with_names(schema: GraphQLSchema, document: DocumentNode, chance: Random) -> DocumentNode:
    """The document with ids and names of tasks that may exist."""
    info = TypeInfo(schema)

    class Naming(Visitor):
        def enter(self, node: Any, *_: Any) -> Any:
            type_ = info.get_input_type()
            if not isinstance(node, ValueNode) or isinstance(node, VariableNode) or type_ is None:
                return None
            return _named(type_, node, chance)

    named: DocumentNode = visit(document, TypeInfoVisitor(info, Naming()))
    return named


def _named(type_: Any, node: ValueNode, chance: Random) -> ValueNode | None:
    if is_non_null_type(type_):
        type_ = type_.of_type
    if is_list_type(type_):
        item = type_.of_type
        if isinstance(node, ListValueNode) and get_named_type(item).name in ("TaskBy", "ID"):
            size = chance.choice((0, 1, 2, 3, 5))
            return ListValueNode(values=tuple(_named(item, node, chance) or node for _ in range(size)))
        return None
    if is_input_object_type(type_) and type_.name == "TaskBy":
        return parse_const_value(chance.choice(_TASKS))
    if get_named_type(type_).name == "Int":
        return parse_const_value(chance.choice(("0",) if chance.random() < 0.03 else ("1", "2", "3", "100")))
    if get_named_type(type_).name == "ID":
        return parse_const_value('"not-an-id"' if chance.random() < 0.03 else f'"{chance.choice(_IDS)}"')
    return None


class Rewriting:
    """Says the same in other words: aliases, fragments, conditions, variables."""

    def __init__(self, schema: GraphQLSchema, chance: Random) -> None:
        self._schema = schema
        self._chance = chance
        self.variables: dict[str, Any] = {}
        self._definitions: list[VariableDefinitionNode] = []
        self._fragments: list[FragmentDefinitionNode] = []

    def rewritten(self, document: DocumentNode) -> DocumentNode:
        """The document, rewritten; `variables` then holds what it needs."""
        info = TypeInfo(self._schema)
        rewriting = self

        class Rewrite(Visitor):
            def leave_selection_set(self, node: SelectionSetNode, *_: Any) -> SelectionSetNode:
                type_ = info.get_parent_type()
                return rewriting._selections(node, type_.name) if type_ is not None else node

            def leave_argument(self, node: ArgumentNode, *_: Any) -> ArgumentNode:
                argument = info.get_argument()
                if argument is None or rewriting._chance.random() < 0.4 or isinstance(node.value, VariableNode):
                    return node
                name = rewriting._variable(str(argument.type), value_from_ast_untyped(node.value))
                return ArgumentNode(name=node.name, value=name)

        rewritten = visit(document, TypeInfoVisitor(info, Rewrite()))
        (operation,) = (node for node in rewritten.definitions if isinstance(node, OperationDefinitionNode))
        return DocumentNode(
            definitions=(
                OperationDefinitionNode(
                    operation=operation.operation,
                    name=NameNode(value="Rewritten"),
                    variable_definitions=tuple(self._definitions),
                    directives=(),
                    selection_set=operation.selection_set,
                ),
                *self._fragments,
            )
        )

    def _variable(self, type_: str, value: Any) -> VariableNode:
        name = f"v{len(self._definitions)}"
        variable = VariableNode(name=NameNode(value=name))
        self._definitions.append(
            VariableDefinitionNode(variable=variable, type=parse_type(type_), default_value=None, directives=())
        )
        self.variables[name] = value
        return variable

    def _selections(self, node: SelectionSetNode, type_name: str) -> SelectionSetNode:
        chance = self._chance
        selections: list[SelectionNode] = []
        for selection in node.selections:
            changes: tuple[Callable[[SelectionNode, str], SelectionNode], ...] = (
                self._same,
                self._aliased,
                self._conditional,
                self._inline,
                self._spread,
            )
            selections.append(chance.choice(changes)(selection, type_name))
            if chance.random() < 0.15:
                selections.append(selection)
        if chance.random() < 0.2:
            selections.append(FieldNode(name=NameNode(value="__typename"), arguments=(), directives=()))
        return SelectionSetNode(selections=tuple(selections))

    def _same(self, selection: SelectionNode, type_name: str) -> SelectionNode:
        return selection

    def _aliased(self, selection: SelectionNode, type_name: str) -> SelectionNode:
        if not isinstance(selection, FieldNode):
            return selection
        return _changed(selection, alias=NameNode(value=f"a{self._chance.randrange(10**6)}"))

    def _conditional(self, selection: SelectionNode, type_name: str) -> SelectionNode:
        value = self._chance.random() < 0.7
        literal = BooleanValueNode(value=value)
        condition = self._variable("Boolean!", value) if self._chance.random() < 0.5 else literal
        directive = DirectiveNode(
            name=NameNode(value=self._chance.choice(("include", "skip"))),
            arguments=(ArgumentNode(name=NameNode(value="if"), value=condition),),
        )
        return _changed(selection, directives=(directive,))

    def _inline(self, selection: SelectionNode, type_name: str) -> SelectionNode:
        return InlineFragmentNode(
            type_condition=self._chance.choice((None, _type(type_name))),
            directives=(),
            selection_set=SelectionSetNode(selections=(selection,)),
        )

    def _spread(self, selection: SelectionNode, type_name: str) -> SelectionNode:
        name = NameNode(value=f"F{len(self._fragments)}")
        self._fragments.append(
            FragmentDefinitionNode(
                name=name,
                type_condition=_type(type_name),
                directives=(),
                variable_definitions=(),
                selection_set=SelectionSetNode(selections=(selection,)),
            )
        )
        return FragmentSpreadNode(name=name, directives=())


def _type(name: str) -> NamedTypeNode:
    return NamedTypeNode(name=NameNode(value=name))


def _changed(node: SelectionNode, **changes: Any) -> SelectionNode:
    values = {key: getattr(node, key) for key in node.keys if key != "loc" and hasattr(node, key)}
    return type(node)(**{**values, **changes})
