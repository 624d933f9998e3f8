"""/graphql: one Context per request."""

import re
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from gateway.readers import Readers
from schema.context import BackendReport, Caller, Context, Scope

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ANONYMOUS = Caller("anonymous", frozenset({Scope.READ, Scope.WRITE}))


class GraphQLEndpoint(GraphQL[Context, None]):
    """Answers GraphQL over HTTP and graphql-transport-ws."""

    def __init__(self, schema: BaseSchema, readers: Readers, report: BackendReport, *, shows_graphiql: bool) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if shows_graphiql else None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
        )
        self._readers = readers
        self._report = report

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        request_id = _request_id(request.headers.get("x-request-id"))
        if isinstance(response, Response):
            response.headers["X-Request-Id"] = request_id
        return Context(caller=_ANONYMOUS, request_id=request_id, report=self._report, **self._readers.for_operation())


def _request_id(given: str | None) -> str:
    """The caller's own id where it is harmless in logs and headers, else a new one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
