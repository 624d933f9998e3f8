"""/livez, /readyz and /schema.graphql."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response


async def livez(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Requests may come. A backend that is down does not matter: the other one and the cache still answer."""
    return PlainTextResponse("ok\n")


def sdl_endpoint(sdl: str, *, allowed: bool) -> Response:
    """The schema's text, where introspection is allowed."""
    if allowed:
        return PlainTextResponse(sdl, media_type="application/graphql")
    message = "introspection is switched off here"
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": "FORBIDDEN"}}]}, status_code=403)
