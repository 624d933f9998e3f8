"""POST /webhooks/…: callbacks from backends, taken at once and followed later."""

from collections.abc import Callable
from http import HTTPStatus

import structlog
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.backends.base import Hint, Webhook
from gateway.endpoints.exchange import ClientGoneError, Exchange
from gateway.inbox import Taken
from gateway.refusals import Refusal, bad_request, refusal

_log = structlog.get_logger(__name__)

# A sender that takes longer holds a connection for nothing: Scale's bodies come in one piece.
_BODY_S = 10.0
_RETRY_AFTER_S = 30


class WebhookEndpoint:
    """Takes the callbacks of one backend. Who it comes from is known before a byte of the body is read.

    `take` keeps a hint to be followed; `count` hears what became of each callback.
    """

    def __init__(
        self,
        webhook: Webhook,
        take: Callable[[Hint], Taken],
        count: Callable[[str], None],
        *,
        max_bytes: int,
        body_s: float = _BODY_S,
    ) -> None:
        self._webhook = webhook
        self._take = take
        self._count = count
        self._max_bytes = max_bytes
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        try:
            hint = await self._hint(exchange)
            taken = self._take(hint)
            self._count(taken.name.lower())
            if taken is Taken.FULL:
                raise _too_many()
            await exchange.answer(HTTPStatus.OK, {"accepted": True})
        except Refusal as refused:
            await exchange.answer(refused.status, refused.payload(exchange.request_id), headers=refused.headers)
        except ClientGoneError:
            return

    async def _hint(self, exchange: Exchange) -> Hint:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.scope["headers"]}
        if not self._webhook.is_authentic(headers):
            self._count("forged")
            raise _forged()
        body = await exchange.body(self._max_bytes, self._body_s)
        try:
            return self._webhook.parse(body)
        except ValueError:
            self._count("malformed")
            raise bad_request("this body names no task") from None


def webhook_route(endpoint: WebhookEndpoint, path: str) -> Route:
    """POST only."""
    return Route(path, endpoint, methods=["POST"])


def _forged() -> Refusal:
    return refusal(
        "UNAUTHENTICATED",
        "the callback's secret is missing or wrong",
        status=HTTPStatus.UNAUTHORIZED,
        headers={"WWW-Authenticate": "Webhook"},
    )


def _too_many() -> Refusal:
    return refusal(
        "OVERLOADED",
        "too many callbacks wait to be followed",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(_RETRY_AFTER_S)},
    )
