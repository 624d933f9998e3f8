"""/graphql: GraphQL over HTTP, one Context per operation."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus

import structlog
from graphql import OperationType
from starlette.types import Receive, Scope, Send

from gateway.drain import cut_off
from gateway.endpoints import media
from gateway.endpoints.admission import Admission
from gateway.endpoints.exchange import ClientGoneError, Exchange, Head, read_head
from gateway.endpoints.graphiql import graphiql_page, wants_graphiql
from gateway.endpoints.origins import Origins
from gateway.endpoints.parsing import parse_body, parse_query_string
from gateway.endpoints.sse import send_events
from gateway.endpoints.websocket import MakeContext, Sockets
from gateway.execution.observed import Observation
from gateway.execution.operations import Answer, Operations, PreparedOperation, not_streamable
from gateway.execution.persisted import OperationRequest
from gateway.refusals import Refusal, bad_request, refusal
from gateway.remembered import Remembered
from gateway.settings import LimitsSettings
from schema.context import Caller, Context

_log = structlog.get_logger(__name__)

_METHODS = "GET, POST, OPTIONS"

# Of the clients that send the same headers each time; whose headers change each time are not helped by more.
_MOST_HEADS = 1000
_MOST_HEAD_BYTES = 1024 * 1024


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
        self._heads: Remembered[tuple[tuple[bytes, bytes], ...], Head] = Remembered(_MOST_HEADS, _MOST_HEAD_BYTES)

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
        exchange = Exchange(scope, receive, send, self._head(scope))
        accepted = exchange.head.accepted
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
        except asyncio.CancelledError:
            # Its last act: the server asks for nothing but that the task ends.
            if not self._observation.drain.is_over or exchange.started:
                raise
            await _refuse(exchange, cut_off(), accepted)
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
        elif not exchange.head.is_json:
            raise bad_request(f"the body must be {media.JSON}", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        authorization = exchange.headers.get("authorization")
        caller = self._admission.known(authorization)
        if caller is None:
            caller = await self._admission.admit(authorization, client_address(exchange.scope))
        exchange.caller_name = caller.name
        said = await self._said(exchange, method)
        if accepted == media.EVENT_STREAM:
            await self._answer_events(exchange, _request(said, method), caller)
            return
        prepared = self._operations.recall(said) if method == "POST" else None
        if prepared is None:
            prepared = await self._prepare(said, method)
        await self._answer_operation(exchange, prepared, caller, accepted)

    async def _answer_operation(
        self, exchange: Exchange, prepared: PreparedOperation, caller: Caller, accepted: str
    ) -> None:
        no_cache = exchange.head.no_cache
        if not no_cache:
            kept = self._operations.kept(prepared, caller, exchange.request_id)
            if kept is not None:
                await exchange.answer_ready(kept)
                return
        context = self._make_context(caller, exchange.request_id, no_cache=no_cache)
        answer = await self._operations.run(prepared, context)
        await exchange.answer(HTTPStatus.OK, answer, accepted)

    async def _prepare(self, said: bytes, method: str) -> PreparedOperation:
        prepared = await self._operations.prepare(_request(said, method))
        if prepared.type is OperationType.SUBSCRIPTION:
            raise not_streamable()
        if method == "GET":
            _check_get_operation(prepared)
        else:
            self._operations.remember(said, prepared)
        return prepared

    async def _said(self, exchange: Exchange, method: str) -> bytes:
        if method == "GET":
            query_string: bytes = exchange.scope["query_string"]
            return query_string
        return await exchange.body(self._limits.body_bytes, self._body_timeout_s)

    def _head(self, scope: Scope) -> Head:
        raw = tuple(scope["headers"])
        head = self._heads.get(raw)
        if head is None:
            head = read_head(raw, self._origins.answer_headers)
            self._heads.keep(raw, head, sum(len(name) + len(value) for name, value in raw))
        return head

    async def _answer_events(self, exchange: Exchange, request: OperationRequest, caller: Caller) -> None:
        """What is wrong with the operation itself travels as an event: an EventSource cannot read a status."""
        is_get = exchange.scope["method"] == "GET"

        def make_context() -> Context:
            return self._make_context(caller, exchange.request_id, no_cache=exchange.head.no_cache)

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


def _request(said: bytes, method: str) -> OperationRequest:
    return parse_query_string(said) if method == "GET" else parse_body(said)


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
