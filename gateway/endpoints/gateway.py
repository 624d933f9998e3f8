"""The whole app: /graphql goes straight to its endpoint, the rest through Starlette's routes."""

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.drain import Drain, cut_off
from gateway.endpoints.exchange import SECURITY_HEADERS, Exchange
from gateway.load import Load


class Gateway(Starlette):
    """Starlette, with a shorter way to the one path that nearly every request takes. A server tells `drain` to stop,
    and `load` what waits.
    """

    def __init__(self, graphql: ASGIApp, drain: Drain, load: Load, **options: Any) -> None:
        super().__init__(**options)
        self._graphql = graphql
        self.drain = drain
        self.load = load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.drain.is_draining and scope["type"] == "http":
            send = _closing(send)
        if scope["type"] != "lifespan":
            self.load.begin()
            if scope.get("root_path"):
                scope = _named_once(scope)
        try:
            if scope["type"] != "lifespan" and _is_graphql(scope):
                await self._graphql(scope, receive, send)
            else:
                await self._serve(scope, receive, send)
        except asyncio.CancelledError:
            # Passed on, the server would log a stop that was planned as a failure of the app.
            if not self.drain.is_over or scope["type"] == "lifespan":
                raise

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_started = False

        async def send_secured(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS:
                    headers.setdefault(name.decode(), value.decode())
            await send(message)

        try:
            await super().__call__(scope, receive, send_secured)
        except asyncio.CancelledError:
            if is_started or not self.drain.is_over or scope["type"] != "http":
                raise
            exchange, refused = Exchange(scope, receive, send), cut_off()
            await exchange.answer(refused.status, refused.payload(exchange.request_id), headers=refused.headers)


def _named_once(scope: Scope) -> Scope:
    """Servers put the root path in front of every path, as a proxy is thought to have taken it off; one that left it
    on, or a browser that comes without a proxy, would have it there twice."""
    root: str = scope["root_path"].rstrip("/")
    path: str = scope["path"]
    return {**scope, "path": path.removeprefix(root)} if path.startswith(f"{root}{root}/") else scope


def _closing(send: Send) -> Send:
    """Has each connection close after its answer, so that its client goes to another replica for the next one."""

    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_closing


def _is_graphql(scope: Scope) -> bool:
    """Servers put the root path in front of the path; a proxy may have taken it off."""
    path = scope["path"]
    return bool(path == "/graphql" or path == scope.get("root_path", "").rstrip("/") + "/graphql")
