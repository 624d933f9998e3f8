"""The contract: what a client can ask. Knows no HTTP, no cache, no backend client."""

from collections.abc import Callable, Iterable

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from schema.annotation_request import AnnotationRequest
from schema.campaign import Campaign
from schema.query import Query
from schema.references import RosettaTaskReference, ScaleTaskReference
from schema.scalars import scalar_map
from schema.task import Task

__all__ = ["build_schema"]

ExtensionFactory = type[SchemaExtension] | Callable[[], SchemaExtension]


def build_schema(extensions: Iterable[ExtensionFactory] = ()) -> strawberry.Schema:
    """The executable schema."""
    return strawberry.Schema(
        query=Query,
        types=[Task, AnnotationRequest, Campaign, RosettaTaskReference, ScaleTaskReference],
        extensions=list(extensions),
        config=StrawberryConfig(scalar_map=dict(scalar_map())),
    )
