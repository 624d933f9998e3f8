"""The operation's deadline: what has arrived by then is answered, the rest fails with REQUEST_TIMEOUT."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeAlias

from graphql import GraphQLField, GraphQLSchema, is_object_type

from schema.errors import RequestTimeoutError

# Writes that outlived their operation: the event loop itself keeps no task alive.
_Outliving: TypeAlias = set["asyncio.Future[Any]"]


def bound_fields(schema: GraphQLSchema) -> None:
    """Makes every field that waits give up at its operation's deadline.

    A read is cancelled; a write is left to finish, because cancelling it would leave its outcome unknown.
    """
    outliving: _Outliving = set()
    for type_ in schema.type_map.values():
        if not is_object_type(type_) or type_ is schema.subscription_type:
            continue
        for field in type_.fields.values():
            if _waits(field) and field.resolve is not None:
                if type_ is schema.mutation_type:
                    field.resolve = _bounded_write(field.resolve, outliving)
                else:
                    field.resolve = _bounded_read(field.resolve)


def _waits(field: GraphQLField) -> bool:
    definition = field.extensions.get("strawberry-definition")
    return definition is not None and bool(definition.is_async)


def _bounded_read(resolve: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(resolve)
    def bounded(source: Any, info: Any, **arguments: Any) -> Any:
        deadline = info.context.deadline
        if deadline is None:
            return resolve(source, info, **arguments)
        _refuse_after(deadline)
        return _until(deadline, resolve(source, info, **arguments))

    # A plan minds the deadline as a whole, and calls the resolver without this wrapper.
    bounded.plan_watches = True  # type: ignore[attr-defined]  # functions take any
    return bounded


def _bounded_write(resolve: Callable[..., Any], outliving: _Outliving) -> Callable[..., Any]:
    async def bounded(source: Any, info: Any, **arguments: Any) -> Any:
        deadline = info.context.deadline
        if deadline is None:
            return await resolve(source, info, **arguments)
        _refuse_after(deadline)
        writing = asyncio.ensure_future(resolve(source, info, **arguments))
        outliving.add(writing)
        writing.add_done_callback(outliving.discard)
        return await _until(deadline, asyncio.shield(writing))

    return bounded


def _refuse_after(deadline: float) -> None:
    """Nothing is asked that nobody will wait for. Raises RequestTimeoutError."""
    if asyncio.get_running_loop().time() >= deadline:
        raise RequestTimeoutError


async def _until(deadline: float, awaitable: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout_at(deadline) as bound:
            return await awaitable
    except TimeoutError:
        if not bound.expired():
            raise
        raise RequestTimeoutError from None
