"""/graphql: GraphQL over HTTP, one Context per operation."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus

import structlog
from graphql import OperationType
from starlette.types import Receive, Scope, Send

from gateway.endpoints import media
from gateway.endpoints.admission import Admission
from gateway.endpoints.exchange import ClientGoneError, Exchange
from gateway.endpoints.graphiql import graphiql_page, wants_graphiql
from gateway.endpoints.origins import Origins
from gateway.endpoints.parsing import parse_body, parse_query_string
from gateway.endpoints.sse import send_events
from gateway.endpoints.websocket import MakeContext, Sockets
from gateway.execution.observed import Observation
from gateway.execution.operations import Answer, Operations, PreparedOperation, not_streamable
from gateway.execution.persisted import OperationRequest
from gateway.refusals import Refusal, bad_request, refusal
from gateway.settings import LimitsSettings
from schema.context import Caller, Context

_log = structlog.get_logger(__name__)

_METHODS = "GET, POST, OPTIONS"


class GraphQLEndpoint:
    """An ASGI app: GraphiQL for people's browsers where `shows_graphiql`, answers for programs."""

    def __init__(
        self,
        operations: Operations,
        admission: Admission,
        make_context: MakeContext,
        origins: Origins,
        sockets: Sockets,
        *,
        observation: Observation,
        limits: LimitsSettings,
        body_timeout_s: float,
        shows_graphiql: bool = False,
    ) -> None:
        self._operations = operations
        self._admission = admission
        self._make_context = make_context
        self._origins = origins
        self._sockets = sockets
        self._observation = observation
        self._limits = limits
        self._body_timeout_s = body_timeout_s
        self._shows_graphiql = shows_graphiql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            with self._observation.tracing.request("WEBSOCKET", scope["path"], scope["headers"]):
                await self._sockets.serve(scope, receive, send)
            return
        if self._shows_graphiql and wants_graphiql(scope):
            await graphiql_page()(scope, receive, send)
            return
        with self._observation.tracing.request(scope["method"], scope["path"], scope["headers"]):
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        exchange.cors = self._origins.answer_headers(exchange.headers.get("origin"))
        accepted = media.preferred(exchange.headers.get("accept"))
        try:
            # Before anything is read or looked up: a request that is not answered must cost next to nothing.
            await self._observation.load.turn()
            if accepted == media.EVENT_STREAM:
                # How many streams a caller may hold has a limit of its own.
                await self._answer(exchange, accepted)
            else:
                with self._observation.load.place():
                    await self._answer(exchange, accepted)
        except Refusal as refused:
            self._observation.refused(exchange.request_id, exchange.caller_name, refused.code)
            await _refuse(exchange, refused, accepted)
        except ClientGoneError:
            return
        except Exception as error:
            _log.error("unexpected error", request_id=exchange.request_id, exc_info=error)
            if exchange.started:
                raise
            masked = refusal("INTERNAL_SERVER_ERROR", "Internal error", status=HTTPStatus.INTERNAL_SERVER_ERROR)
            await _refuse(exchange, masked, accepted)

    async def _answer(self, exchange: Exchange, accepted: str | None) -> None:
        method = exchange.scope["method"]
        if method == "OPTIONS":
            await self._answer_options(exchange)
            return
        if method not in ("GET", "POST"):
            raise _method_not_allowed(f"{method} is not offered here", _METHODS)
        if accepted is None:
            raise bad_request(f"answers are {media.JSON} or {media.RESPONSE_JSON}", HTTPStatus.NOT_ACCEPTABLE)
        self._check_url(exchange.scope)
        if method == "GET":
            self._origins.check_get(exchange.headers, exchange.scope.get("scheme", "http"))
        elif not media.is_json_body(exchange.headers.get("content-type")):
            raise bad_request(f"the body must be {media.JSON}", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        caller = await self._admission.admit(exchange.headers.get("authorization"), client_address(exchange.scope))
        exchange.caller_name = caller.name
        request = await self._request(exchange, method)
        if accepted == media.EVENT_STREAM:
            await self._answer_events(exchange, request, caller)
            return
        prepared = await self._operations.prepare(request)
        if prepared.type is OperationType.SUBSCRIPTION:
            raise not_streamable()
        if method == "GET":
            _check_get_operation(prepared)
        context = self._make_context(caller, exchange.request_id, no_cache=exchange.no_cache)
        answer = await self._operations.run(prepared, context)
        await exchange.answer(HTTPStatus.OK, answer, accepted)

    async def _request(self, exchange: Exchange, method: str) -> OperationRequest:
        if method == "GET":
            return parse_query_string(exchange.scope["query_string"])
        return parse_body(await exchange.body(self._limits.body_bytes, self._body_timeout_s))

    async def _answer_events(self, exchange: Exchange, request: OperationRequest, caller: Caller) -> None:
        """What is wrong with the operation itself travels as an event: an EventSource cannot read a status."""
        is_get = exchange.scope["method"] == "GET"

        def make_context() -> Context:
            return self._make_context(caller, exchange.request_id, no_cache=exchange.no_cache)

        async def answers() -> AsyncGenerator[Answer, None]:
            prepared = await self._operations.prepare(request)
            if is_get:
                _check_get_operation(prepared)
            async with aclosing(self._operations.stream(prepared, make_context)) as stream:
                async for answer in stream:
                    yield answer

        if is_get:
            # A mutation is refused with a status, whatever the client takes.
            _check_get_operation(await self._operations.prepare(request))
        with self._admission.stream(caller, client_address(exchange.scope)):
            await send_events(exchange, answers(), caller)

    async def _answer_options(self, exchange: Exchange) -> None:
        exchange.cors = self._origins.preflight_headers(exchange.headers.get("origin"))
        await exchange.start(HTTPStatus.NO_CONTENT, [(b"allow", _METHODS.encode())])
        await exchange.send_part(b"", more=False)

    def _check_url(self, scope: Scope) -> None:
        size = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        if size > self._limits.url_bytes:
            raise refusal(
                "TOO_COMPLEX",
                f"the URL is longer than {self._limits.url_bytes} bytes",
                status=HTTPStatus.REQUEST_URI_TOO_LONG,
                limit="url",
            )


def client_address(scope: Scope) -> str:
    """The peer's address, as the server reports it (behind trusted proxies: the one they forward)."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def _check_get_operation(prepared: PreparedOperation) -> None:
    if prepared.type is OperationType.MUTATION:
        raise _method_not_allowed("a mutation is only taken over POST", "POST")


def _method_not_allowed(message: str, allow: str) -> Refusal:
    return refusal("BAD_USER_INPUT", message, status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": allow})


async def _refuse(exchange: Exchange, refused: Refusal, accepted: str | None) -> None:
    media_type = accepted if accepted == media.RESPONSE_JSON else media.JSON
    # GraphQL over HTTP: under the older media type a document's own errors are answers like any other.
    status = HTTPStatus.OK if refused.lenient and accepted == media.JSON else refused.status
    await exchange.answer(status, refused.payload(exchange.request_id), media_type, refused.headers)
