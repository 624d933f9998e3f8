"""/graphql: one Context per request."""

import re
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as ConnectionScope
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from gateway.endpoints.graphiql import graphiql_page, wants_graphiql
from gateway.loaders import OperationLoader
from gateway.repository import TaskRepository
from schema.context import BackendReport, Caller, Context, Scope, TaskWriter

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ANONYMOUS = Caller("anonymous", frozenset({Scope.READ, Scope.WRITE}))


class GraphQLEndpoint(GraphQL[Context, None]):
    """Answers GraphQL over HTTP and graphql-transport-ws."""

    def __init__(
        self,
        schema: BaseSchema,
        repository: TaskRepository,
        writes: TaskWriter,
        report: BackendReport,
        *,
        shows_graphiql: bool,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,  # Strawberry's page loads from other hosts
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
        )
        self._repository = repository
        self._writes = writes
        self._report = report
        self._shows_graphiql = shows_graphiql

    async def __call__(self, scope: ConnectionScope, receive: Receive, send: Send) -> None:
        if self._shows_graphiql and wants_graphiql(scope):
            await graphiql_page()(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        request_id = _request_id(request.headers.get("x-request-id"))
        if isinstance(response, Response):
            response.headers["X-Request-Id"] = request_id
        return Context(
            caller=_ANONYMOUS,
            request_id=request_id,
            tasks=OperationLoader(self._repository),
            writes=self._writes,
            report=self._report,
        )


def _request_id(given: str | None) -> str:
    """The caller's own id where it is harmless in logs and headers, else a new one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
