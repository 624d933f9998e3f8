"""Fresh loaders for each operation."""

from collections.abc import Iterator
from dataclasses import replace

from strawberry.extensions import SchemaExtension

from gateway.readers import Readers
from schema.context import Context


def fresh_loaders(readers: Readers) -> type[SchemaExtension]:
    """The extension that gives every operation loaders of its own.

    A WebSocket has one context for all its operations: with its loaders shared, an operation would be answered
    from what another one read minutes ago.
    """

    class FreshLoaders(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            shared: Context = self.execution_context.context
            self.execution_context.context = replace(shared, **readers.for_operation())
            yield

    return FreshLoaders
