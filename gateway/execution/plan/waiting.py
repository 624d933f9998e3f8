"""Waiting: the part of an operation above resolvers that wait; what needs no waiting is rendered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from graphql import GraphQLObjectType, GraphQLOutputType, is_leaf_type, is_list_type, is_non_null_type

from gateway.execution.plan.calls import Call, ResponsePath, Run
from gateway.execution.plan.fields import resolved_field
from gateway.execution.plan.irregular import IrregularError, NotCoveredError
from gateway.execution.plan.rendering import Render, Renderers
from gateway.execution.plan.selections import SelectedField

# A value, the run and the value's place in the answer, to what orjson writes.
Complete: TypeAlias = Callable[[Any, Run, ResponsePath], Awaitable[Any]]


class WaitingObject:
    """Completes objects of one type, some of whose fields wait."""

    def __init__(
        self, renderers: Renderers, type_: GraphQLObjectType, fields: Sequence[SelectedField], *, is_root: bool = False
    ) -> None:
        waiting = [field for field in fields if renderers.field_waits(field)]
        at_hand = [field for field in fields if not renderers.field_waits(field)]
        self._waiting = [_WaitingField(renderers, type_, field) for field in waiting]
        self._at_hand = renderers.object(type_, at_hand, checked=not is_root) if at_hand or not is_root else None
        self._names = [field.name for field in fields]

    @property
    def asks_once(self) -> bool:
        """Whether one field alone waits, and nothing below it."""
        return len(self._waiting) == 1 and not self._waiting[0].waits_below

    async def complete(self, value: object, run: Run, path: ResponsePath) -> dict[str, Any]:
        """The object's fields in the order asked for. Raises any exception where graphql-core has to decide."""
        waiting = self._waiting
        if len(waiting) == 1 and self._at_hand is None:
            field = waiting[0]
            return {field.name: await field.complete(value, run, path)}
        results = await _together([field.complete(value, run, path) for field in waiting])
        fields: dict[str, Any] = {} if self._at_hand is None else self._at_hand(value, run)
        fields.update(zip([field.name for field in waiting], results, strict=True))
        return {name: fields[name] for name in self._names}


class _WaitingField:
    def __init__(self, renderers: Renderers, type_: GraphQLObjectType, selected: SelectedField) -> None:
        assert selected.field is not None
        resolved = resolved_field(selected.field)
        self.name = selected.name
        self._waits = resolved.waits
        self._call: Call | None = None if resolved.function is None else renderers.call(type_, selected)
        self._attribute = resolved.attribute
        if resolved.function is None and resolved.checks:
            raise NotCoveredError("an attribute behind a check")
        field_type = selected.field.type
        self._render: Render | None = None
        self._complete: Complete | None = None
        if renderers.waits(field_type, selected):
            self._complete = _completion(renderers, field_type, selected)
        else:
            self._render = renderers.value(field_type, selected)

    @property
    def waits_below(self) -> bool:
        return self._complete is not None

    async def complete(self, source: object, run: Run, path: ResponsePath) -> Any:
        place = (*path, self.name)
        call = self._call
        if call is None:
            value = getattr(source, self._attribute)
        elif self._waits:
            value = await run.wait_for(call, source, place)
        else:
            value = call(source, run)
        if self._render is not None:
            return self._render(value, run)
        assert self._complete is not None
        return await self._complete(value, run, place)


def _completion(renderers: Renderers, type_: GraphQLOutputType, selected: SelectedField) -> Complete:
    """Completes a value below which something waits."""
    if is_non_null_type(type_):
        inner = _completion_of_value(renderers, type_.of_type, selected)

        async def never_null(value: Any, run: Run, path: ResponsePath) -> Any:
            if value is None:
                raise IrregularError
            return await inner(value, run, path)

        return never_null
    complete = _completion_of_value(renderers, type_, selected)

    async def perhaps_null(value: Any, run: Run, path: ResponsePath) -> Any:
        return None if value is None else await complete(value, run, path)

    return perhaps_null


def _completion_of_value(renderers: Renderers, type_: GraphQLOutputType, selected: SelectedField) -> Complete:
    if is_leaf_type(type_):
        raise NotCoveredError("nothing waits below a leaf")
    if is_list_type(type_):
        return _list_completion(_completion(renderers, type_.of_type, selected))

    def make(one: GraphQLObjectType) -> WaitingObject:
        return WaitingObject(renderers, one, renderers.below(one, selected))

    table = renderers.by_class(type_, make)

    async def complete(value: Any, run: Run, path: ResponsePath) -> Any:
        return await table[value.__class__].complete(value, run, path)

    return complete


def _list_completion(complete: Complete) -> Complete:
    async def complete_list(value: Any, run: Run, path: ResponsePath) -> Any:
        if value.__class__ is not list and value.__class__ is not tuple:
            raise IrregularError
        return await _together([complete(item, run, (*path, index)) for index, item in enumerate(value)])

    return complete_list


async def _together(awaitables: Sequence[Awaitable[Any]]) -> Sequence[Any]:
    """What each comes to. All are done when one has failed: what they learnt is needed by graphql-core then."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    if not awaitables:
        return []
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
