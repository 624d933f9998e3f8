"""The contract: what a client can ask. Knows no HTTP, no cache, no backend client."""

from collections.abc import Callable, Iterable

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from schema import errors
from schema.mutation import Mutation
from schema.query import Query
from schema.references import RosettaTaskReference, ScaleTaskReference
from schema.scalars import scalar_map
from schema.task import Task, TaskEvent

__all__ = ["build_schema"]

ExtensionFactory = type[SchemaExtension] | Callable[[], SchemaExtension]


# Reached through the interface TaskError alone.
_TASK_ERRORS = (
    errors.ActionNotSupportedError,
    errors.ActionNotAllowedError,
    errors.UniqueIdConflictError,
    errors.IdempotencyConflictError,
)


def build_schema(extensions: Iterable[ExtensionFactory] = ()) -> strawberry.Schema:
    """The executable schema."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        types=[Task, TaskEvent, RosettaTaskReference, ScaleTaskReference, *_TASK_ERRORS],
        extensions=list(extensions),
        config=StrawberryConfig(scalar_map=dict(scalar_map())),
    )
