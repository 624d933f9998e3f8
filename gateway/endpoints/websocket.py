"""graphql-transport-ws over plain ASGI. Strawberry's handler keeps the protocol; this file gives it our operations."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

import orjson
import structlog
from starlette.types import Receive, Scope, Send
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.unset import UNSET

from gateway.endpoints.admission import Admission
from gateway.endpoints.exchange import request_id, wanted_headers
from gateway.endpoints.origins import Origins
from gateway.endpoints.parsing import parse_json, to_request
from gateway.execution.limits import Limits
from gateway.execution.observed import Observation
from gateway.execution.operations import Answer, Operations
from gateway.execution.persisted import OperationRequest
from gateway.refusals import FormattedError, Refusal, refusal
from schema.context import Caller, Context

if TYPE_CHECKING:
    from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message

_log = structlog.get_logger(__name__)

FORBIDDEN = 4403
SERVICE_RESTART = 1012
_SUBPROTOCOL_NOT_ACCEPTABLE = 4406
_LOOK_EVERY_S = 0.02


class MakeContext(Protocol):
    """Gives each operation a Context of its own."""

    def __call__(self, caller: Caller, request_id: str, *, no_cache: bool = False) -> Context: ...


class Sockets:
    """Serves WebSocket connections.

    A client says who it is in the handshake's Authorization header or in the payload of `connection_init`.
    `send_timeout_s` is how long it may take to take in one message.
    """

    def __init__(
        self,
        operations: Operations,
        admission: Admission,
        make_context: MakeContext,
        origins: Origins,
        limits: Limits,
        observation: Observation,
        *,
        send_timeout_s: float = 20.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.operations = operations
        self.admission = admission
        self.make_context = make_context
        self.limits = limits
        self.observation = observation
        self.send_timeout_s = send_timeout_s
        self.clock = clock
        self._origins = origins

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from handshake to close."""
        headers = wanted_headers(scope["headers"])
        await receive()  # websocket.connect
        if not self._origins.allows_socket(headers, scope.get("scheme", "ws")):
            # Before the handshake is accepted, the server turns this into HTTP 403.
            await send({"type": "websocket.close", "code": FORBIDDEN, "reason": "origin not allowed"})
            return
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in scope.get("subprotocols", ()):
            await send({"type": "websocket.accept"})
            await send(
                {
                    "type": "websocket.close",
                    "code": _SUBPROTOCOL_NOT_ACCEPTABLE,
                    "reason": "Subprotocol not acceptable",
                }
            )
            return
        client = scope.get("client")
        connection = Connection(
            receive,
            send,
            request_id=request_id(headers.get("x-request-id")),
            authorization=headers.get("authorization"),
            address=client[0] if client else "unknown",
            send_timeout_s=self.send_timeout_s,
        )
        await send(
            {
                "type": "websocket.accept",
                "subprotocol": GRAPHQL_TRANSPORT_WS_PROTOCOL,
                "headers": [(b"x-request-id", connection.request_id.encode())],
            }
        )
        await _Session(self, connection).run()


class Connection:
    """Messages in and out of one socket, as JSON."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        request_id: str,
        authorization: str | None,
        address: str,
        send_timeout_s: float,
    ) -> None:
        self.request_id = request_id
        self.authorization = authorization
        self.address = address
        self._receive = receive
        self._send = send
        self._send_timeout_s = send_timeout_s
        self._closed = False

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Each message until the client goes. Raises what Strawberry's handler knows how to answer."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._closed = True
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            try:
                value = parse_json(text.encode(), "the message")
            except Refusal:
                if ignore_parsing_errors:
                    continue
                raise NonJsonMessageReceived from None
            yield value

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Raises WebSocketDisconnected when the client is gone, or takes nothing in for too long."""
        if self._closed:
            raise WebSocketDisconnected
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._send({"type": "websocket.send", "text": orjson.dumps(message).decode()})
        except TimeoutError:
            # Its buffer is full: a close frame would wait behind what it does not read.
            self._closed = True
            raise WebSocketDisconnected from None
        except (OSError, RuntimeError):
            self._closed = True
            raise WebSocketDisconnected from None

    async def close(self, code: int, reason: str) -> None:
        """Closes once; a reason is at most 123 bytes of a close frame."""
        if self._closed:
            return
        self._closed = True
        short = reason.encode()[:123].decode("utf-8", "ignore")
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": short})
        except (OSError, RuntimeError):
            return


class _Session:
    """One connection's caller and operations: what Strawberry's handler takes for its view, context and schema."""

    def __init__(self, sockets: Sockets, connection: Connection) -> None:
        self._sockets = sockets
        self._connection = connection
        self._caller: Caller | None = None
        self._closing = ExitStack()
        # Strawberry's handler puts the payload of connection_init here.
        self.connection_params: object = None

    async def run(self) -> None:
        """Serves until the socket closes."""
        role: Any = self
        connection: Any = self._connection
        init_timeout = timedelta(seconds=self._sockets.limits.values.init_timeout_s)
        handler = _Handler(role, connection, role, None, role, init_timeout, None)
        handler.limits = self._sockets.limits
        dismissing: list[asyncio.Task[None]] = []

        def dismiss() -> None:
            dismissing.append(asyncio.create_task(handler.dismiss()))
            self._closing.callback(dismissing[0].cancel)

        with self._closing, self._sockets.observation.drain.listening(dismiss):
            await handler.handle()

    async def on_ws_connect(self, context: object) -> object:
        """Learns who the caller is. Raises ConnectionRejectionError, which closes with 4403."""
        try:
            caller = await self._sockets.admission.admit(self._credentials(), self._connection.address)
            self._closing.enter_context(self._sockets.admission.stream(caller, self._connection.address))
        except Refusal as refused:
            raise ConnectionRejectionError from refused
        self._caller = caller
        self._close_at(caller.expires_at)
        return UNSET

    def _credentials(self) -> str | None:
        parameters = self.connection_params if isinstance(self.connection_params, dict) else {}
        given = parameters.get("authorization", parameters.get("Authorization"))
        if given is None:
            return self._connection.authorization
        return given if isinstance(given, str) else ""

    def _close_at(self, expires_at: float | None) -> None:
        """Ends the connection with its credentials. 4403 lets clients fetch new ones and connect again."""
        if expires_at is None:
            return
        left_s = max(0.0, expires_at - self._sockets.clock())
        timer = asyncio.create_task(self._close_after(left_s))
        self._closing.callback(timer.cancel)

    async def _close_after(self, left_s: float) -> None:
        await asyncio.sleep(left_s)
        await self._connection.close(FORBIDDEN, "credentials expired")

    async def stream(self, query: OperationRequest, **_: object) -> AsyncGenerator[object, None]:
        """What Strawberry's handler calls on its schema for each `subscribe` message."""
        return self._results(query)

    async def _results(self, request: OperationRequest) -> AsyncGenerator[object, None]:
        caller = self._caller
        if caller is None:
            raise RuntimeError("an operation before connection_ack")
        # Each operation of a socket has its own id: one socket may carry thousands of them.
        operation_id = request_id(None)

        def make_context() -> Context:
            return self._sockets.make_context(caller, operation_id)

        try:
            await self._sockets.operations.turns.take()
            await self._sockets.admission.count(caller, self._connection.address)
            prepared = await self._sockets.operations.prepare(request)
            async with aclosing(self._sockets.operations.stream(prepared, make_context)) as answers:
                async for answer in answers:
                    yield _result(answer)
        except Refusal as refused:
            self._sockets.observation.refused(operation_id, caller.name, refused.code)
            yield PreExecutionError(data=None, errors=_errors(refused.payload(operation_id)))
        except Exception as error:  # noqa: BLE001 - the last resort: no client ever sees what went wrong inside
            _log.error("unexpected error", request_id=operation_id, exc_info=error)
            masked = refusal("INTERNAL_SERVER_ERROR", "Internal error")
            yield PreExecutionError(data=None, errors=_errors(masked.payload(operation_id)))


class _Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """Strawberry's protocol, made strict about what a message is, with our limit and our persisted operations."""

    limits: Limits

    async def handle_message(self, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            await self.handle_invalid_message("a message is an object with a type")
            return
        if message["type"] in ("subscribe", "complete") and not isinstance(message.get("id"), str):
            await self.handle_invalid_message("an operation has an id")
            return
        await super().handle_message(cast("Message", message))

    async def handle_subscribe(self, message: Any) -> None:
        try:
            request = to_request(message.get("payload"))
        except Refusal as refused:
            await self.handle_invalid_message(str(refused))
            return
        most = self.limits.values.subscriptions
        if self.connection_acknowledged and message["id"] not in self.operations and len(self.operations) >= most:
            errors = self.limits.too_complex("subscriptions", len(self.operations) + 1, most)
            payload = errors.payload(request_id(None))["errors"]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})
            return
        # The handler only carries `query` to our `stream`: the whole request travels there.
        carried: Any = {"id": message["id"], "type": "subscribe", "payload": {"query": request}}
        await super().handle_subscribe(carried)

    async def dismiss(self) -> None:
        """Closes the socket once nothing runs on it: subscriptions end by themselves when the process leaves."""
        while self.operations:  # noqa: ASYNC110 - Strawberry tells nobody when an operation ends
            await asyncio.sleep(_LOOK_EVERY_S)
        await self.websocket.close(SERVICE_RESTART, "the gateway stops here: connect again")

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, WebSocketDisconnected):
            _log.error("unexpected error on a socket", exc_info=error)


class _FormattedError:
    """An error that is formatted already, for a handler that formats."""

    def __init__(self, formatted: FormattedError) -> None:
        self.formatted = formatted
        self.original_error = None


def _errors(answer: Answer) -> Any:
    return [_FormattedError(error) for error in answer.get("errors", ())]


def _result(answer: Answer) -> ExecutionResult:
    return ExecutionResult(data=answer["data"], errors=_errors(answer) or None)
