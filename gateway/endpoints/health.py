"""/livez, /readyz and /schema.graphql."""

from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.drain import Drain
from gateway.endpoints.exchange import request_id
from gateway.refusals import refusal


async def livez(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


def readyz_route(drain: Drain, *, has_backend: bool) -> Route:
    """GET /readyz: whether requests may come; 503 while draining, and where no backend is configured.

    A backend that is down does not matter: the other one and the cache still answer.
    """

    async def readyz(request: Request) -> Response:
        if drain.is_draining:
            return PlainTextResponse("draining\n", HTTPStatus.SERVICE_UNAVAILABLE)
        if not has_backend:
            return PlainTextResponse("no backend is configured\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return PlainTextResponse("ok\n")

    return Route("/readyz", readyz)


def sdl_endpoint(sdl: Callable[[], str], request: Request, *, allowed: bool) -> Response:
    """The schema's text, where introspection is allowed. Made when first asked for: most gateways never are."""
    name = request_id(request.headers.get("x-request-id"))
    headers = {"X-Request-Id": name}
    if allowed:
        return PlainTextResponse(sdl(), media_type="application/graphql", headers=headers)
    refused = refusal("FORBIDDEN", "introspection is switched off here", status=HTTPStatus.FORBIDDEN)
    return JSONResponse(refused.payload(name), refused.status, headers)
