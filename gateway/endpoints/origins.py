"""Origins: which pages of other sites may ask, over HTTP and WebSocket."""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from gateway.refusals import Refusal, refusal

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ALLOWED_HEADERS = (
    b"authorization, content-type, cache-control, x-request-id, "
    b"apollographql-client-name, apollographql-client-version, apollo-require-preflight, graphql-require-preflight"
)
# A page of another site can send none of these without the browser asking us first.
_FORCING_PREFLIGHT = (
    "authorization",
    "apollo-require-preflight",
    "graphql-require-preflight",
    "x-apollo-operation-name",
)

HeaderList = list[tuple[bytes, bytes]]


class Origins:
    """The listed origins; `*` lists all of them. No cookie is ever used, so no answer allows credentials."""

    def __init__(self, listed: Collection[str]) -> None:
        self._listed = frozenset(listed)
        self._all = "*" in self._listed

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may read our answers."""
        return self._all or origin.lower() in self._listed

    def answer_headers(self, origin: str | None) -> HeaderList:
        """What lets the page read the answer; nothing for an origin that is not listed."""
        if origin is None or not self.allows(origin):
            return []
        return [
            (b"access-control-allow-origin", b"*" if self._all else origin.encode("latin-1")),
            (b"access-control-expose-headers", b"x-request-id, retry-after"),
        ]

    def preflight_headers(self, origin: str | None) -> HeaderList:
        """The answer to the browser's question before a request."""
        allowed = self.answer_headers(origin)
        if not allowed:
            return []
        return [
            *allowed,
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-max-age", b"7200"),
        ]

    def check_get(self, headers: Mapping[str, str], scheme: str) -> None:
        """Raises a Refusal FORBIDDEN for a GET that a page of another site makes without being asked about it.

        A link, an image or a form can send a GET with no preflight, and would so make a stranger's browser ask.
        """
        if any(name in headers for name in _FORCING_PREFLIGHT):
            return
        origin = headers.get("origin")
        if origin is not None:
            if self.allows(origin) or is_same_origin(origin, headers.get("host"), scheme):
                return
            raise _cross_site()
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise _cross_site()

    def allows_socket(self, headers: Mapping[str, str], scheme: str) -> bool:
        """Whether a WebSocket may be opened: programs send no Origin, browsers always do."""
        origin = headers.get("origin")
        return origin is None or self.allows(origin) or is_same_origin(origin, headers.get("host"), scheme)


def is_same_origin(origin: str, host: str | None, scheme: str) -> bool:
    """Whether a page at `origin` was served under `host`. Behind a proxy that ends TLS only the host tells."""
    if host is None:
        return False
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"{scheme}://{host}")
        if not theirs.hostname or theirs.hostname != ours.hostname:
            return False
        their_port = theirs.port or _DEFAULT_PORTS.get(theirs.scheme)
        return their_port in (ours.port, ours.port or _DEFAULT_PORTS.get(theirs.scheme))
    except ValueError:
        return False


def _cross_site() -> Refusal:
    return refusal(
        "FORBIDDEN",
        "a page of another site may not ask by GET; send POST, or the header GraphQL-Require-Preflight",
        status=HTTPStatus.FORBIDDEN,
    )
