"""Every error gets a code and the request id; the unexpected is masked outside and loud in the log."""

import structlog
from graphql import GraphQLError
from graphql.language import ValueNode

from gateway.refusals import FormattedError
from schema.errors import GatewayError

_log = structlog.get_logger(__name__)


def present(error: GraphQLError, request_id: str) -> FormattedError:
    """A field's error as clients see it. An unexpected one is logged whole and told as "Internal error"."""
    cause = error.original_error
    if isinstance(cause, GatewayError):
        if cause.log_detail:
            _log.info("expected failure", request_id=request_id, path=error.path, detail=cause.log_detail)
        return _coded(error, error.message, request_id, cause.extensions)
    if _concerns_an_argument(error, cause):
        return _coded(error, error.message, request_id, {"code": "BAD_USER_INPUT"})
    _log.error("unexpected error", request_id=request_id, path=error.path, exc_info=cause or error)
    return _coded(error, "Internal error", request_id, {"code": "INTERNAL_SERVER_ERROR"})


def _concerns_an_argument(error: GraphQLError, cause: Exception | None) -> bool:
    """Whether graphql-core refused a value that the client gave: only then does its error point at a value."""
    named = cause if isinstance(cause, GraphQLError) else error
    is_graphql = cause is None or isinstance(cause, GraphQLError)
    return is_graphql and any(isinstance(node, ValueNode) for node in named.nodes or ())


def _coded(error: GraphQLError, message: str, request_id: str, extensions: FormattedError) -> FormattedError:
    formatted: FormattedError = {"message": message}
    if error.locations is not None:
        formatted["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        formatted["path"] = error.path
    formatted["extensions"] = {**extensions, "requestId": request_id}
    return formatted
