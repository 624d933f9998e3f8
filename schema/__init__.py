"""The contract: what a client can ask. Knows no HTTP, no cache, no backend client."""

from collections.abc import Callable, Iterable
from typing import Any

import strawberry
from graphql import GraphQLOneOfDirective
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema_directives import OneOf

from schema import cost, errors, scopes
from schema.annotation_request import AnnotationRequest
from schema.campaign import Campaign
from schema.federation import Representation, representation_scalar, subgraph_query, subgraph_sdl
from schema.mutation import Mutation
from schema.query import Query
from schema.references import RosettaTaskReference, ScaleTaskReference
from schema.scalars import scalar_map
from schema.subscription import Subscription
from schema.task import Task

__all__ = ["build_schema", "build_subgraph_schema", "build_subgraph_sdl"]

ExtensionFactory = type[SchemaExtension] | Callable[[], SchemaExtension]


# Reached through the interface TaskError alone.
_TASK_ERRORS = (
    errors.ActionNotSupportedError,
    errors.ActionNotAllowedError,
    errors.UniqueIdConflictError,
    errors.IdempotencyConflictError,
)


def build_schema(extensions: Iterable[ExtensionFactory] = ()) -> strawberry.Schema:
    """The executable schema: every field with its cost, every root field behind its scope."""
    return _build(Query, extensions)


def build_subgraph_schema(extensions: Iterable[ExtensionFactory] = ()) -> strawberry.Schema:
    """The executable schema with `_service` and `_entities`, for a supergraph's router."""
    return _build(subgraph_query(build_subgraph_sdl()), extensions)


def build_subgraph_sdl() -> str:
    """The text that a supergraph is composed from."""
    return subgraph_sdl(build_schema().as_str())


def _build(query: type, extensions: Iterable[ExtensionFactory]) -> strawberry.Schema:
    _describe_one_of()
    schema = strawberry.Schema(
        query=query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Task, AnnotationRequest, Campaign, RosettaTaskReference, ScaleTaskReference, *_TASK_ERRORS],
        extensions=list(extensions),
        config=StrawberryConfig(scalar_map={**scalar_map(), Representation: representation_scalar()}),
    )
    cost.annotate(schema)
    scopes.guard_root_fields(schema)
    return schema


def _describe_one_of() -> None:
    """Strawberry writes this directive of the specification into the schema's text without a word about it."""
    definition: Any = OneOf
    definition.__strawberry_directive__.description = GraphQLOneOfDirective.description
