"""How large a document is, in one linear pass."""

import pytest
from graphql import OperationDefinitionNode, parse

from gateway.execution.analysis import DirectiveUse, NestedTooDeeplyError, Structure, analyse
from gateway.execution.costs import Charge, CostTable, OperationCost
from schema import build_schema

TABLE = CostTable(build_schema()._schema)


def _structure(text: str) -> Structure:
    operations, _ = analyse(parse(text))
    return operations[0][1]


def test_plain() -> None:
    """Depth counts from the root; aliases and fields are counted wherever they stand."""
    structure = _structure("{ a { b { c: d } } e: f ... { g } }")

    assert structure == Structure(depth=3, aliases=2, fields=5, root_fields=3)


def test_fragments_are_spread() -> None:
    """A fragment counts each time it is spread."""
    structure = _structure("{ a { ...F ...F } b { ...F } } fragment F on T { x: y { z } }")

    assert structure == Structure(depth=3, aliases=3, fields=8, root_fields=2)


def test_introspection_has_its_own_depth() -> None:
    """What is below __schema and __type does not count as depth, and the other way round."""
    structure = _structure('{ __schema { types { fields { name } } } a { b } t: __type(name: "x") { name } }')

    assert (structure.depth, structure.introspection_depth) == (2, 3)


def test_cycles_and_gaps_end() -> None:
    """A fragment cycle and an unknown fragment are left to validation."""
    assert _structure("{ ...A } fragment A on Q { x ...B ...A } fragment B on Q { y ...A ...Nobody }").fields >= 2


def test_directives() -> None:
    """Wherever they stand in the document, also in a fragment that nobody spreads."""
    _, directives = analyse(
        parse("query($v: Int @a) @a @a { x @a { y @a @a @a } ... @a { z } } fragment F on T @a { z @a }")
    )

    assert directives == DirectiveUse(total=10, most_on_a_node=3)


@pytest.mark.timeout(20)  # counted one by one it would take ages
@pytest.mark.parametrize("levels", [40, 300])
def test_a_fragment_bomb(levels: int) -> None:
    """Each fragment spreads the next twice: counted without unfolding it, and refused for what it would become."""
    chain = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(min(levels, 140)))
    document = parse(f"{{ ...F0 }} {chain} fragment F{min(levels, 140)} on Query {{ backends {{ circuit }} }}")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    operations, _ = analyse(document)
    charge = OperationCost(TABLE, document, operation).charge({})

    assert operations[0][1].fields == 10**9
    assert charge.cost >= 10**9


@pytest.mark.parametrize(
    "text",
    [
        "{" + "a{" * 160 + "b" + "}" * 161,
        "{ a(x: " + "[" * 160 + "]" * 160 + ") }",
        "{ a(x: " + "{a:" * 160 + "1" + "}" * 160 + ") }",
        "{ ...F0 }" + "".join(f"fragment F{n} on Q {{ ...F{n + 1} }}" for n in range(200)) + "fragment F200 on Q { a }",
    ],
)
def test_nested_too_deeply(text: str) -> None:
    """Selections, literals and chains of fragments beyond every limit end the pass, not the process."""
    with pytest.raises(NestedTooDeeplyError):
        analyse(parse(text))


LOOKUP = "query($by: [TaskBy!]!) { lookupTasks(by: $by) { ... on Task { id viewUrl } } }"


def _charge(text: str, **variables: object) -> Charge:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return OperationCost(TABLE, document, operation).charge(variables)


@pytest.mark.parametrize(
    ("text", "variables", "charge"),
    [
        ("{ __typename }", {}, Charge(0, 0)),
        ("{ __schema { types { name fields { name } } } }", {}, Charge(0, 0)),
        ("{ backends { circuit } }", {}, Charge(2, 0)),
        ('{ task(by: {id: "x"}) { id } }', {}, Charge(11, 1)),
        ('{ a: task(by: {id: "x"}) { viewUrl } b: task(by: {id: "x"}) { id } }', {}, Charge(32, 3)),
        (LOOKUP, {"by": [{}] * 50}, Charge(50 * 21, 100)),
        (LOOKUP, {"by": []}, Charge(0, 0)),
        (LOOKUP, {"by": {}}, Charge(21, 2)),
        # Too long a list is its own field's refusal: it counts as the longest that would be read.
        (LOOKUP, {"by": [{}] * 5000}, Charge(2100, 200)),
        ('{ lookupTasks(by: [{id: "x"}, {id: "y"}]) { __typename } }', {}, Charge(22, 2)),
        ('query($i: [ID!]! = ["a", "b", "c"]) { nodes(ids: $i) { id } }', {}, Charge(33, 3)),
        ('query($i: [ID!]! = ["a", "b", "c"]) { nodes(ids: $i) { id } }', {"i": ["a"]}, Charge(11, 1)),
        ("{ ...F } fragment F on Query { nodes(ids: []) { id } backends { backend } }", {}, Charge(2, 0)),
    ],
)
def test_charges(text: str, variables: dict[str, object], charge: Charge) -> None:
    """Objects weigh 1, a backend call 10; lists count as long as they can be."""
    assert _charge(text, **variables) == charge


def test_the_same_sizes_are_measured_once() -> None:
    """Only what sizes a list is looked at again, and only when it changes."""
    document = parse(LOOKUP)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    cost = OperationCost(TABLE, document, operation)

    assert cost.charge({"by": [{"id": "a"}]}) is cost.charge({"by": [{"id": "b"}]})
    assert cost.charge({"by": [{}, {}]}).calls == 4
