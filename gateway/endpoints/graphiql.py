"""GraphiQL: the page at /graphql and its files under /graphiql, all from this package.

The page names its files relative to its own address, so it works under any prefix that a proxy puts before the
gateway, and nothing is ever loaded from another host: the policy below forbids it.
"""

import gzip
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

from anyio import to_thread
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Scope

from gateway.operations import ExampleOperation

_FOLDER = Path(__file__).parent.parent / "static" / "graphiql"

# No 'unsafe-eval'. GraphiQL and its editor write style attributes, and embed fonts and icons as data.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "worker-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}
_ASSET_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
# Not the machine's own list of types: some lack fonts or call scripts plain text, which nosniff makes fatal.
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".ttf": "font/ttf"}


def wants_graphiql(scope: Scope) -> bool:
    """Whether what comes to /graphql is a person's browser opening the page: it asks for HTML and sends no
    operation."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return False
    parameters = QueryParams(scope["query_string"])
    return not ({"query", "extensions"} & parameters.keys()) and _takes_html(Headers(scope=scope))


def _takes_html(headers: Headers) -> bool:
    ranges = ",".join(headers.getlist("accept")).lower().split(",")
    return any(media_range.split(";")[0].strip() == "text/html" for media_range in ranges)


def graphiql_page() -> Response:
    """The page itself. Never kept without asking: it names the files of this version."""
    return FileResponse(_FOLDER / "index.html", media_type="text/html", headers=_PAGE_HEADERS)


def graphiql_files(operations: Iterable[ExampleOperation]) -> Mount:
    """What the page loads: its hashed files, and `operations` as the tabs that it opens with."""
    tabs = [
        {"query": operation.document, "variables": operation.variables, "headers": operation.headers}
        for operation in operations
    ]

    async def tabs_json(request: Request) -> Response:
        return JSONResponse(tabs, headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})

    assets = _Assets(_FOLDER / "assets")
    return Mount("/graphiql", routes=[Route("/tabs.json", tabs_json), Route("/assets/{name}", assets.serve)])


class _Assets:
    """Files whose names carry a hash of their contents, so a browser may keep them for good.

    They are compressed when first asked for and kept, about 2 MB in all: Monaco takes tenths of a second.
    """

    def __init__(self, folder: Path) -> None:
        # Known by name: no path can be asked for that is not one of these.
        self._files = {file.name: file for file in folder.iterdir()}
        self._compressed: dict[str, bytes] = {}

    async def serve(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None:
            return PlainTextResponse("Not Found", HTTPStatus.NOT_FOUND)
        media_type = _MEDIA_TYPES[file.suffix]
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return FileResponse(file, media_type=media_type, headers=_ASSET_HEADERS)
        headers = {**_ASSET_HEADERS, "Content-Encoding": "gzip"}
        return Response(await self._gzipped(file), media_type=media_type, headers=headers)

    async def _gzipped(self, file: Path) -> bytes:
        if file.name not in self._compressed:
            self._compressed[file.name] = await to_thread.run_sync(_gzip, file)
        return self._compressed[file.name]


def _gzip(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), compresslevel=6, mtime=0)
