"""The ASGI application: authentication, routes, and errors in Scale's form. Base path /v1."""

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.sandbox.scale.creation import TaskCreation
from gateway.sandbox.scale.places import PlaceReads
from gateway.sandbox.scale.reads import TaskReads
from gateway.sandbox.scale.wire import RefusedError
from gateway.sandbox.scale.writes import TaskWrites

Handler = Callable[[Request], Awaitable[Response]]


def routes(reads: TaskReads, writes: TaskWrites, creation: TaskCreation, places: PlaceReads) -> list[Route]:
    """Every address with the methods it answers."""
    task = "/v1/task/{task_id}"
    table: dict[str, dict[str, Handler]] = {
        "/v1/tasks": {"GET": reads.list},
        # Read by task id, created by task type: one segment, two meanings.
        task: {"GET": reads.get, "POST": creation.create},
        f"{task}/cancel": {"POST": writes.cancel},
        f"{task}/setMetadata": {"POST": writes.set_metadata},
        f"{task}/unique_id": {"POST": writes.set_unique_id, "DELETE": writes.clear_unique_id},
        f"{task}/tags": {"POST": writes.set_tags, "PUT": writes.add_tags, "DELETE": writes.remove_tags},
        f"{task}/audit": {"POST": writes.audit},
        f"{task}/send_callback": {"POST": writes.send_callback},
        "/v1/projects": {"GET": places.list_projects},
        "/v1/projects/{name}": {"GET": places.get_project},
        "/v1/batches": {"GET": places.list_batches},
        "/v1/batches/{name}": {"GET": places.get_batch},
        "/v1/batches/{name}/status": {"GET": places.get_batch_status},
    }
    return [Route(path, _Resource(handlers)) for path, handlers in table.items()]


@dataclass(frozen=True)
class _Resource:
    """One address: 405 for a method it does not know."""

    handlers: Mapping[str, Handler]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        handler = self.handlers.get(request.method)
        if handler is None:
            raise RefusedError(405, "Method not allowed.", {"allow": ", ".join(sorted(self.handlers))})
        response = await handler(request)
        await response(scope, receive, send)


class ScaleApp:
    """Authenticates, then routes by the path as it was sent, so that an encoded slash stays inside a name."""

    def __init__(self, routes: list[Route], *, api_key: str, accept_bearer: bool) -> None:
        self._router: ASGIApp = Router(routes, redirect_slashes=False, default=_unknown_address)
        self._api_key = api_key
        self._accept_bearer = accept_bearer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        try:
            self._authenticate(Request(scope))
            await self._router(_as_sent(scope), receive, send)
        except RefusedError as refused:
            await refused.to_response()(scope, receive, send)

    def _authenticate(self, request: Request) -> None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            given = _decoded(credentials)
        elif scheme.lower() == "bearer" and self._accept_bearer:
            given = credentials + ":"
        else:
            given = ""
        # The key is the user name, the password empty.
        if not secrets.compare_digest(given.encode(), f"{self._api_key}:".encode()):
            raise RefusedError(401, "No valid API key provided.", {"www-authenticate": 'Basic realm="Scale"'})


async def _unknown_address(scope: Scope, receive: Receive, send: Send) -> None:
    raise RefusedError(404, "The requested resource does not exist.")


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _as_sent(scope: Scope) -> Scope:
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw_path.decode("latin-1")
    # Scale answers /task/{type}/ like /task/{type}.
    return {**scope, "path": path.removesuffix("/")}
