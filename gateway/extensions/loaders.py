"""Fresh loaders for each operation."""

from collections.abc import Iterator
from dataclasses import replace

from strawberry.extensions import SchemaExtension

from gateway.loaders import OperationLoader
from gateway.repository import TaskRepository
from schema.context import Context


def fresh_loaders(repository: TaskRepository) -> type[SchemaExtension]:
    """The extension that gives every operation loaders of its own.

    A WebSocket has one context for all its operations: with its loaders shared, an operation would be answered
    from what another one read minutes ago.
    """

    class FreshLoaders(SchemaExtension):
        def on_operation(self) -> Iterator[None]:
            shared: Context = self.execution_context.context
            tasks = OperationLoader(repository, no_cache=shared.no_cache)
            self.execution_context.context = replace(shared, tasks=tasks)
            yield

    return FreshLoaders
