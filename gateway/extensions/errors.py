"""Every error gets a code and the request id; the unexpected is masked outside and loud in the log."""

from collections.abc import Iterator

import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLSyntaxError
from strawberry.extensions import SchemaExtension

from schema.context import Context
from schema.errors import GatewayError

_log = structlog.get_logger(__name__)


class ErrorPresenter(SchemaExtension):
    """Rewrites the errors of an operation's result into what clients may see."""

    def on_operation(self) -> Iterator[None]:
        yield
        result = self.execution_context.result
        if isinstance(result, ExecutionResult) and result.errors:
            context: Context = self.execution_context.context
            # Only execution gives a path: an error without one was found in the document or its variables.
            result.errors = [present(error, context.request_id) for error in result.errors]


def present(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as clients see it. An unexpected one is logged whole and told as "Internal error"."""
    cause = error.original_error
    if isinstance(cause, GatewayError):
        return _coded(error, request_id, **cause.extensions)
    if isinstance(error, GraphQLSyntaxError):
        return _coded(error, request_id, code="GRAPHQL_PARSE_FAILED")
    if error.path is None and (cause is None or isinstance(cause, GraphQLError)):
        return _coded(error, request_id, code="GRAPHQL_VALIDATION_FAILED")
    _log.error("unexpected error", request_id=request_id, path=error.path, exc_info=cause or error)
    masked = GraphQLError("Internal error", nodes=error.nodes, path=error.path)
    return _coded(masked, request_id, code="INTERNAL_SERVER_ERROR")


def _coded(error: GraphQLError, request_id: str, **extensions: object) -> GraphQLError:
    error.extensions = {**extensions, "requestId": request_id}
    return error
