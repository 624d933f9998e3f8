"""Makes Schemathesis' operations keep to what the schema says in words: ids, one field of a oneOf, pages of 1 to 100,
and no more of everything than the limits let through.

Schemathesis knows types, and counts every refused operation as a failure: it would report that the gateway refuses
what its schema says it refuses.
"""

from hashlib import sha256

import schemathesis
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    IntValueNode,
    ListValueNode,
    NameNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    print_ast,
    visit,
)
from graphql import build_schema as build_from_sdl

from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.refusals import Refusal
from gateway.settings import LimitsSettings
from schema import build_schema
from schema.references import global_id, scale_reference
from tests.clients import schemathesis_scalars  # noqa: F401  its import registers them

# From the text, as every client reads it.
_SCHEMA = build_from_sdl(build_schema().as_str())
_LIMITS = LimitsSettings()
_DOCUMENTS = Documents(_SCHEMA, Limits(_LIMITS), allows_introspection=True)


@schemathesis.hook
def map_body(context: object, body: DocumentNode) -> DocumentNode:
    """The same operation with arguments that fit, cut to the depth at which it is inside the limits."""
    types = TypeInfo(_SCHEMA)
    fitted: DocumentNode = visit(body, TypeInfoVisitor(types, _Fitting(types)))
    for depth in range(_LIMITS.depth, 1, -1):
        cut: DocumentNode = visit(fitted, _Cutting(depth))
        if not _is_too_much(cut):
            break
    return cut


def _is_too_much(document: DocumentNode) -> bool:
    """By the limits that a gateway is shipped with, as its `@cost` and `@listSize` tell every client."""
    try:
        charge = _DOCUMENTS.get(print_ast(document)).operation(None).cost.charge({})
    except Refusal as refused:
        return refused.code == "TOO_COMPLEX"
    return charge.calls > _LIMITS.calls or charge.cost > _LIMITS.cost


class _Cutting(Visitor):
    """Leaves out fields of objects more than `depth` fields inside one another."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self._left = depth

    def enter_field(self, node: FieldNode, *_: object) -> object:
        self._left -= 1
        if self._left <= 0 and node.selection_set is not None:
            # Visited in its place, and left like it.
            return FieldNode(name=NameNode(value="__typename"), arguments=(), directives=())
        return None

    def leave_field(self, *_: object) -> None:
        self._left += 1


class _Fitting(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types

    def leave_argument(self, node: ArgumentNode, *_: object) -> ArgumentNode | None:
        argument = self._types.get_argument()
        if argument is None:
            return None
        return ArgumentNode(name=node.name, value=_fit(node.value, argument.type, node.name.value))


def _fit(node: ValueNode, type_: GraphQLInputType, name: str) -> ValueNode:
    nullable = get_nullable_type(type_)
    if isinstance(node, NullValueNode | VariableNode):
        return node
    if isinstance(nullable, GraphQLList):
        items = node.values[:2] if isinstance(node, ListValueNode) else (node,)
        return ListValueNode(values=tuple(_fit(item, nullable.of_type, name) for item in items))
    named = get_named_type(nullable)
    if isinstance(named, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        return _fit_object(node, named)
    if named.name == "Int" and name == "first" and isinstance(node, IntValueNode):
        return IntValueNode(value=str(1 + abs(int(node.value)) % 100))
    if name == "after":
        return NullValueNode()
    if named.name in ("ID", "String"):
        return StringValueNode(value=_text(name, print_ast(node)))
    return node


def _fit_object(node: ObjectValueNode, type_: GraphQLInputObjectType) -> ObjectValueNode:
    given = {field.name.value: field.value for field in node.fields}
    if type_.is_one_of:
        chosen = sorted(type_.fields)[len(print_ast(node)) % len(type_.fields)]
        inner = get_named_type(type_.fields[chosen].type)
        empty = ObjectValueNode(fields=()) if isinstance(inner, GraphQLInputObjectType) else StringValueNode(value="x")
        found = given.get(chosen)
        given = {chosen: empty if found is None or isinstance(found, NullValueNode) else found}
    for name, field in type_.fields.items():
        if field.type != get_nullable_type(field.type) and name not in given:
            given[name] = StringValueNode(value="x")
    return ObjectValueNode(
        fields=tuple(
            ObjectFieldNode(name=NameNode(value=name), value=_fit(value, type_.fields[name].type, name))
            for name, value in given.items()
        )
    )


def _text(name: str, seed: str) -> str:
    """A legal text for the field of this name, the same for the same seed."""
    word = sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return str(global_id(scale_reference(word))) if name in ("id", "ids") else word
