"""The page and its files over HTTP, without a browser."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from gateway.endpoints import graphiql
from gateway.operations import ExampleOperation

ASSETS = Path(graphiql.__file__).parents[1] / "static" / "graphiql" / "assets"
OPERATION = ExampleOperation("1-hello", "query Hello($a: Int) { hello }", '{\n  "a": 1\n}', '{"X-Request-Id": "x"}')
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class PageOrNothing:
    """Stands where the GraphQL endpoint does: the page for whom it is meant, 418 for others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = graphiql.wants_graphiql(scope)
        response = graphiql.graphiql_page() if wanted else PlainTextResponse("", 418)
        await response(scope, receive, send)


@pytest.fixture
def client() -> TestClient:
    """A client of an app that has the page and its files only."""
    route = Route("/graphql", PageOrNothing(), methods=["GET", "POST"])
    return TestClient(Starlette(routes=[route, graphiql.graphiql_files([OPERATION])]))


def test_page_headers(client: TestClient) -> None:
    """The page may run only our own scripts, be framed by nobody, and is asked for anew each time."""
    response = client.get("/graphql", headers=HTML)

    policy = response.headers["content-security-policy"]
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "accept" in response.headers["vary"].lower()
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    ("accept", "query", "wanted"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", True),
        ("application/json, Text/HTML;q=0.5", "", True),
        ("text/html", "theme=dark", True),
        ("text/html", "query={a}", False),
        ("text/html", 'extensions={"persistedQuery":{}}', False),
        ("application/json", "", False),
        ("*/*", "", False),
        ("", "", False),
    ],
)
def test_who_gets_the_page(client: TestClient, accept: str, query: str, wanted: bool) -> None:
    """Whoever asks for HTML and sends no operation."""
    response = client.get(f"/graphql?{query}", headers={"Accept": accept})

    assert (response.status_code == 200) is wanted


def test_post_is_no_page(client: TestClient) -> None:
    """A POST is an operation, whatever it accepts."""
    assert client.post("/graphql", headers=HTML).status_code == 418


def test_page_names_files_that_exist(client: TestClient) -> None:
    """Each file that the page names, relative to itself, is there, and kept for good."""
    names = re.findall(r'(?:src|href)="\./(graphiql/[^"]+)"', client.get("/graphql", headers=HTML).text)

    answers = [client.get(f"/{name}") for name in names]

    assert len(names) >= 2
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}


@pytest.mark.parametrize("name", sorted(path.name for path in ASSETS.iterdir()))
def test_asset(client: TestClient, name: str) -> None:
    """Each file arrives whole, compressed or not, with a type that a browser takes from us under nosniff."""
    types = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".ttf": "font/ttf"}

    plain = client.get(f"/graphiql/assets/{name}", headers={"Accept-Encoding": "identity"})
    compressed = client.get(f"/graphiql/assets/{name}", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    assert plain.content == compressed.content == (ASSETS / name).read_bytes()
    for answer in (plain, compressed):
        assert answer.headers["content-type"] == types[Path(name).suffix]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["vary"] == "Accept-Encoding"


def test_compressed_size(client: TestClient) -> None:
    """All files together travel in less than 2.5 MB."""
    total = sum(
        int(client.get(f"/graphiql/assets/{path.name}", headers={"Accept-Encoding": "gzip"}).headers["content-length"])
        for path in ASSETS.iterdir()
    )

    assert total < 2_500_000


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2findex.html", "index.html", "..%5cindex.html", "no.js"])
def test_no_other_file(client: TestClient, name: str) -> None:
    """Nothing but the built files can be had."""
    assert client.get(f"/graphiql/assets/{name}").status_code == 404


def test_tabs(client: TestClient) -> None:
    """The tabs are the example operations, their variables and headers as text."""
    response = client.get("/graphiql/tabs.json")

    assert response.headers["cache-control"] == "no-cache"
    assert response.json() == [
        {"query": OPERATION.document, "variables": OPERATION.variables, "headers": OPERATION.headers}
    ]
