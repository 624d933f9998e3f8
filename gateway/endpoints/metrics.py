"""/metrics, for callers on this machine only."""

import ipaddress
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

# A proxy on this machine makes everyone's requests look local, and adds one of these.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def metrics_route(exposition: Callable[[], bytes]) -> Route:
    """GET /metrics: Prometheus text to loopback callers; to everyone else there is no such page."""

    async def metrics(request: Request) -> Response:
        if not _is_local(request):
            return PlainTextResponse("Not Found", status_code=404)
        return Response(exposition(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    # How a socket that takes both names a client of IPv4.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
