"""/livez, /readyz and /schema.graphql."""

from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.drain import Drain


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


def sdl_endpoint(sdl: Callable[[], str], *, allowed: bool) -> Response:
    """The schema's text, where introspection is allowed. Made when first asked for: most gateways never are."""
    if allowed:
        return PlainTextResponse(sdl(), media_type="application/graphql")
    message = "introspection is switched off here"
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": "FORBIDDEN"}}]}, status_code=403)
