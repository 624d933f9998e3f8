"""The schema as a subgraph of Apollo Federation v2: the same types, with keys by which other services name them."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, NewType, cast

import strawberry
from graphql import ConstDirectiveNode, DefinitionNode, DocumentNode, ObjectTypeDefinitionNode, parse, print_ast
from strawberry.types.scalar import ScalarDefinition

from schema.annotation_request import AnnotationRequest
from schema.campaign import Campaign
from schema.context import Info
from schema.entities import ENTITIES, load_entity
from schema.errors import bad_input
from schema.filter import MAX_LIST_ARGUMENT
from schema.query import Query
from schema.task import Task

_LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])'
# Every subgraph with lists has a PageInfo, and they are all the same.
_SHAREABLE = frozenset({"PageInfo"})

Representation = NewType("Representation", object)
EntityUnion = Annotated[
    Task | AnnotationRequest | Campaign, strawberry.union("_Entity", description="Whatever a representation can name.")
]


def subgraph_sdl(sdl: str) -> str:
    """The same schema's text with the keys of its entities, as a supergraph is composed from it."""
    definitions = [_with_directives(definition) for definition in parse(sdl).definitions]
    return _LINK + "\n\n" + print_ast(DocumentNode(definitions=tuple(definitions))) + "\n"


def _with_directives(definition: DefinitionNode) -> DefinitionNode:
    if not isinstance(definition, ObjectTypeDefinitionNode):
        return definition
    name = definition.name.value
    added = [f'@key(fields: "{" ".join(key)}")' for key in ENTITIES.get(name, ())]
    added += ["@shareable"] if name in _SHAREABLE else []
    if not added:
        return definition
    return ObjectTypeDefinitionNode(
        description=definition.description,
        name=definition.name,
        interfaces=definition.interfaces,
        directives=(*(definition.directives or ()), *_directives(added)),
        fields=definition.fields,
    )


def _directives(texts: list[str]) -> tuple[ConstDirectiveNode, ...]:
    (carrier,) = parse(f"scalar Carrier {' '.join(texts)}").definitions
    # A definition of a scalar, which has directives.
    return cast("tuple[ConstDirectiveNode, ...]", carrier.directives)  # type: ignore[attr-defined]


@strawberry.type(name="_Service", description="This subgraph.")
@dataclass
class Service:
    sdl: str


def subgraph_query(sdl: str) -> type:
    """Query with what a router asks for besides: the text that it composes from, and entities by their keys."""

    @strawberry.type(name="Query", description="What can be asked. Needs the scope `read`.")
    class SubgraphQuery(Query):
        @strawberry.field(name="_service", description="For a supergraph's composition: this subgraph's schema.")
        def service(self) -> Service:
            return Service(sdl=sdl)

        @strawberry.field(
            name="_entities",
            description="Objects by their keys, in the order asked for; null where there is none. One that cannot be "
            "read is null with an error of its own, and leaves the others whole.",
        )
        async def entities(
            self,
            info: Info,
            representations: Annotated[
                list[Representation], strawberry.argument(description="At most 100: __typename and a key's fields.")
            ],
        ) -> list[EntityUnion | None]:
            if len(representations) > MAX_LIST_ARGUMENT:
                raise bad_input(f"at most {MAX_LIST_ARGUMENT} representations at once", "representations")
            found = await asyncio.gather(*(load_entity(info, one) for one in representations))
            # GraphQL answers an exception among a list's items with null and an error in that item's place.
            return cast("list[Task | AnnotationRequest | Campaign | None]", list(found))

    return SubgraphQuery


def representation_scalar() -> ScalarDefinition:
    """The scalar that holds a representation."""
    return strawberry.scalar(
        name="_Any",
        description="A representation: an object with __typename and the fields of one of its keys.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    )
