"""GraphQL over HTTP against a real uvicorn: media types, statuses, and every hostile shape of a request."""

import gzip
import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from graphql import build_client_schema, get_introspection_query
from starlette.applications import Starlette

from gateway.endpoints.metrics import metrics_route
from tests.gateway.endpoints.served import Served, served_gateway, served_schema, small_schema

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
SCALE_ID = "5ca1ab1e0000000000000002"


@pytest.fixture(scope="module")
def explore() -> Iterator[Served]:
    with served_gateway() as served:
        yield served


@pytest.fixture(scope="module")
def production() -> Iterator[Served]:
    with served_gateway(GATEWAY_PROFILE="production") as served:
        yield served


def _send(served: Served, body: bytes | str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(served.url, content=body, headers={"content-type": JSON, **named}, trust_env=False)


def _error(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer that must be JSON with a message, a code and the request id, and no data."""
    answer = response.json()
    assert response.headers["content-type"].split(";")[0] in (JSON, RESPONSE_JSON)
    assert "data" not in answer
    error = answer["errors"][0]
    assert error["message"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return response.status_code, error["extensions"]["code"]


@pytest.mark.parametrize(
    ("accept", "status", "answered"),
    [
        (None, 200, JSON),
        ("*/*", 200, JSON),
        ("application/*", 200, JSON),
        (JSON, 200, JSON),
        (RESPONSE_JSON, 200, RESPONSE_JSON),
        (f"{RESPONSE_JSON}, {JSON};q=0.9", 200, RESPONSE_JSON),
        (f"{JSON};q=0.5, {RESPONSE_JSON};q=0.6", 200, RESPONSE_JSON),
        ("text/html, */*;q=0.1", 200, JSON),
        ("application/xml", 406, JSON),
        (f"{JSON};q=0", 406, JSON),
        (f"{JSON};q=0, */*", 200, RESPONSE_JSON),
        ("application/jsonfoo", 406, JSON),
    ],
)
def test_accept(explore: Served, accept: str | None, status: int, answered: str) -> None:
    """The answer's media type is what the client takes; what nobody offers is 406."""
    response = _send(explore, '{"query":"{__typename}"}', **({} if accept is None else {"accept": accept}))

    if accept is None:
        with httpx.Client(trust_env=False) as client:
            request = client.build_request("POST", explore.url, json={"query": "{__typename}"})
            del request.headers["accept"]
            response = client.send(request)
    assert (response.status_code, response.headers["content-type"]) == (status, f"{answered}; charset=utf-8")
    assert "Accept" in response.headers["vary"]


DOCUMENT_ERRORS: list[tuple[str, object, str]] = [
    ("{", None, "GRAPHQL_PARSE_FAILED"),
    ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
    ("query A{__typename} query B{__typename}", None, "OPERATION_RESOLUTION_FAILURE"),
    ("fragment F on Query { __typename }", None, "GRAPHQL_VALIDATION_FAILED"),
    ("{ task(by: {}) { id } }", None, "BAD_USER_INPUT"),
    ('{ task(by: {scaleTaskId: "a", scaleUniqueId: "b"}) { id } }', None, "BAD_USER_INPUT"),
    ("query($by: TaskBy!) { task(by: $by) { id } }", {"by": {}}, "BAD_USER_INPUT"),
    ("query($by: TaskBy!) { task(by: $by) { id } }", {"by": {"scaleTaskId": "a", "id": "b"}}, "BAD_USER_INPUT"),
    ("query($by: TaskBy!) { task(by: $by) { id } }", {}, "BAD_USER_INPUT"),
    ("query($by: TaskBy!) { task(by: $by) { id } }", {"by": 5}, "BAD_USER_INPUT"),
    ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["x"] * 10_000}, "BAD_USER_INPUT"),
    (
        "mutation($i: SetTaskTagsInput!) { setTaskTags(input: $i) { errors { code } } }",
        {"i": {"task": {"scaleTaskId": "a"}, "tags": ["x"] * 10_001}},
        "BAD_USER_INPUT",
    ),
    ("{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}", None, "TOO_COMPLEX"),
]


@pytest.mark.parametrize(("query", "variables", "code"), DOCUMENT_ERRORS)
def test_a_documents_own_errors(explore: Served, query: str, variables: object, code: str) -> None:
    """They are 400 under the newer media type, 200 under the older one, and nothing is asked of a backend."""
    before = explore.calls()
    body = {"query": query, "variables": variables}
    newer = httpx.post(explore.url, json=body, headers={"accept": RESPONSE_JSON}, trust_env=False)
    older = httpx.post(explore.url, json=body, headers={"accept": JSON}, trust_env=False)

    assert (_error(newer), _error(older)) == ((400, code), (200, code))
    assert explore.calls() == before


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'"x"',
        b"5",
        b"true",
        b"",
        b"{",
        b"\xff\xfe",
        b'{"query": "\xc3\x28"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"query": "{__typename}", "variables": {"n": ' + b"9" * 5000 + b"}}",
        b'{"query": "{__typename}", "variables": {"n": NaN, "m": 1111111111111111111111}}',
        b'[{"query": "{__typename}"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": {}}',
        b'{"query": ["{__typename}"]}',
        b'{"query": "{__typename}", "operationName": 5}',
        b'{"query": "{__typename}", "variables": "x"}',
        b'{"query": "{__typename}", "variables": []}',
        b'{"query": "{__typename}", "extensions": 1}',
        b'{"query": "{__typename}", "extensions": {"persistedQuery": 1}}',
        b'{"documentId": 7}',
    ],
)
def test_malformed_bodies(explore: Served, body: bytes) -> None:
    """Whatever is no GraphQL request is 400 with a code, under both media types."""
    for accept in (JSON, RESPONSE_JSON):
        assert _error(_send(explore, body, accept=accept)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("value", ['"\\ud83d"', '{"\\uDE00": 1}', "1e999", "-1e400"])
def test_what_would_be_no_json_beside_long_integers(explore: Served, value: str) -> None:
    """Half a surrogate pair and what is beyond any number are refused there as anywhere."""
    for beside in ("1", "1234567890123456789"):
        body = f'{{"query": "{{ __typename }}", "variables": {{"a": {value}, "b": {beside}}}}}'
        assert _error(_send(explore, body.encode())) == (400, "BAD_USER_INPUT")


def test_whole_pairs_pass_beside_long_integers(explore: Served) -> None:
    """An escaped character outside of the first plane is text."""
    body = '{"query": "{ __typename }", "variables": {"a": "\\ud83d\\ude00", "b": 1234567890123456789}}'

    assert _send(explore, body.encode()).json() == {"data": {"__typename": "Query"}}


def test_long_integers_keep_their_digits(explore: Served) -> None:
    """An integer beyond 64 bits is not rounded on its way in: as an ID it keeps every digit."""
    body = '{"query": "query($i: ID!) { node(id: $i) { id } }", "variables": {"i": 123456789012345678901234}}'
    answer = _send(explore, body).json()

    assert "123456789012345678901234" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;charset=UTF-8", 200),
        ("application/json; charset=utf-16", 415),
        ("application/jsonfoo", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
def test_content_type(explore: Served, content_type: str, status: int) -> None:
    """Only JSON is taken: what a page of another site can send without being asked is not."""
    response = _send(explore, '{"query":"{__typename}"}', content_type=content_type)

    assert response.status_code == status
    if status == 415:
        assert _error(response) == (415, "BAD_USER_INPUT")


def test_too_large(explore: Served) -> None:
    """A large body, compressed bytes and a long URL are refused as what they are."""
    big = b'{"query":"{__typename}","variables":{"x":"' + b"x" * 2_000_000 + b'"}}'
    url = f"{explore.url}?query=" + "%20" * 6000

    assert _error(_send(explore, big)) == (413, "TOO_COMPLEX")
    assert _error(_send(explore, gzip.compress(b"{" * 100_000), content_encoding="gzip")) == (415, "BAD_USER_INPUT")
    assert _error(httpx.get(url, trust_env=False)) == (414, "TOO_COMPLEX")


@pytest.mark.parametrize(
    ("request_line", "status", "code"),
    [
        (f"GET /graphql?query={'x' * 100_000}", 414, "TOO_COMPLEX"),
        ("FOO /graphql", 400, "BAD_USER_INPUT"),
        ("\x16\x03\x01", 400, "BAD_USER_INPUT"),
    ],
)
def test_what_the_parser_refuses(explore: Served, request_line: str, status: int, code: str) -> None:
    """What never becomes a request is answered like one: JSON, a code, a request id, and the connection is closed."""
    host, port = explore.origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")

    extensions = json.loads(body)["errors"][0]["extensions"]
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert extensions["code"] == code
    assert f"x-request-id: {extensions['requestId']}".encode() in head
    assert b"content-type: application/json" in head


def test_a_body_in_pieces_is_bounded(explore: Served) -> None:
    """A body that does not tell its length is stopped where the limit is."""

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    response = httpx.post(explore.url, content=pieces(), headers={"content-type": JSON}, trust_env=False)

    assert _error(response) == (413, "TOO_COMPLEX")


def test_raw_header_attacks(explore: Served) -> None:
    """Two lengths for one body, and a line break in a header, never reach the gateway as a request."""
    host, port = explore.origin.removeprefix("http://").split(":")
    smuggled = (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(smuggled)
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert explore.post("{ __typename }").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_methods(explore: Served, method: str) -> None:
    """Other methods are 405 and told which there are."""
    response = httpx.request(method, explore.url, trust_env=False)

    assert _error(response) == (405, "BAD_USER_INPUT")
    assert response.headers["allow"] == "GET, POST, OPTIONS"


def test_get() -> None:
    """A query runs over GET with JSON parameters; a mutation is 405, also picked by its name."""
    with served_schema(small_schema()) as served:
        both = "query Q($n: Float! = 0) { slow(seconds: $n) } mutation M { write }"

        def get(**parameters: str) -> httpx.Response:
            return httpx.get(served.url, params=parameters, trust_env=False)

        assert get(query="query($n: Float!) { slow(seconds: $n) }", variables='{"n": 0}').json() == {
            "data": {"slow": "done"}
        }
        assert get(query=both, operationName="Q").json() == {"data": {"slow": "done"}}
        for refused in (get(query="mutation { write }"), get(query=both, operationName="M")):
            assert _error(refused) == (405, "BAD_USER_INPUT")
            assert refused.headers["allow"] == "POST"
        assert _error(get(query="{ quick }", variables="[1]")) == (400, "BAD_USER_INPUT")
        assert _error(get(query="{ quick }", variables="{")) == (400, "BAD_USER_INPUT")
        assert _error(httpx.get(served.url + "?query=a&query=b", trust_env=False)) == (400, "BAD_USER_INPUT")
        assert _error(httpx.get(served.url + "?query=%ff", trust_env=False)) == (400, "BAD_USER_INPUT")
        assert _error(get()) == (400, "BAD_USER_INPUT")


def test_a_subscription_needs_a_stream() -> None:
    """Over plain HTTP it is a clear error that says how to ask."""
    with served_schema(small_schema()) as served:
        response = served.post("subscription { count }")

    assert _error(response) == (406, "BAD_USER_INPUT")
    assert "text/event-stream" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://listed.example"}, 200),
        ({"origin": "https://listed.example", "sec-fetch-site": "cross-site"}, 200),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "graphql-require-preflight": "1"}, 200),
        ({"sec-fetch-site": "cross-site", "x-apollo-operation-name": "Q"}, 200),
    ],
)
def test_get_from_another_site(headers: dict[str, str], status: int, listed: Served) -> None:
    """A page of another site cannot make a browser ask by GET, unless a header proves that it was asked about it."""
    response = httpx.get(listed.url, params={"query": "{__typename}"}, headers=headers, trust_env=False)

    assert response.status_code == status
    if status == 403:
        assert _error(response) == (403, "FORBIDDEN")


@pytest.fixture(scope="module")
def listed() -> Iterator[Served]:
    with served_gateway(GATEWAY_CORS_ORIGINS="https://listed.example, http://localhost:3000") as served:
        yield served


def test_cors(listed: Served) -> None:
    """Only listed origins get the headers, never with credentials; the preflight names what may be sent."""
    question = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for origin, allowed in (("https://listed.example", True), ("https://evil.example", False)):
        preflight = httpx.options(listed.url, headers={"origin": origin, **question}, trust_env=False)
        answer = listed.post("{__typename}", {"origin": origin})
        assert preflight.status_code == 204
        for response in (preflight, answer):
            assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
            assert "access-control-allow-credentials" not in response.headers
            assert "Origin" in response.headers["vary"]
        assert ("content-type" in preflight.headers.get("access-control-allow-headers", "")) == allowed


def test_no_cors_unless_listed(explore: Served) -> None:
    """With no origin listed no answer names one, refusals included."""
    for response in (explore.post("{__typename}", {"origin": "https://a.example"}), _send(explore, b"5", origin="x")):
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_security_headers(explore: Served) -> None:
    """Every answer, of every path, forbids sniffing and framing, and does not name the server."""
    for path in ("/graphql", "/livez", "/schema.graphql", "/nothing-here"):
        headers = httpx.get(explore.origin + path, trust_env=False).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
    assert explore.post("{__typename}").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 128])
def test_request_id_is_taken(explore: Served, given: str) -> None:
    """A harmless id is echoed and names the request in every error."""
    response = explore.post("{ nothing }", {"x-request-id": given})

    assert response.headers["x-request-id"] == given
    assert response.json()["errors"][0]["extensions"]["requestId"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", "<script>", "ä".encode().decode("latin-1"), "a;b"])
def test_request_id_is_made(explore: Served, given: str) -> None:
    """Anything else is replaced, never echoed."""
    headers = httpx.Headers([(b"x-request-id", given.encode("latin-1")), (b"content-type", b"application/json")])
    response = httpx.post(explore.url, content='{"query":"{__typename}"}', headers=headers, trust_env=False)

    assert response.status_code == 200
    assert len(response.headers["x-request-id"]) == 32


def test_production_tells_little(production: Served) -> None:
    """No introspection, no schema text, no suggestions, no measures; circular introspection is refused everywhere."""
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Task") { name } }'):
        assert _error(production.post(query, {"accept": RESPONSE_JSON})) == (400, "GRAPHQL_VALIDATION_FAILED")
    schema_text = httpx.get(f"{production.origin}/schema.graphql", headers={"x-request-id": "mine"}, trust_env=False)
    assert _error(schema_text) == (403, "FORBIDDEN")
    assert schema_text.headers["x-request-id"] == "mine"

    typo = production.post("{ backendz { backend } }").json()["errors"][0]["message"]
    assert "backendz" in typo
    assert "backends" not in typo
    assert "Did you mean" not in typo
    wrong_enum = production.post("query($b: TaskBy!) { task(by: $b) { id } }", variables={"b": {"scaleTaskIdd": "x"}})
    assert "Did you mean" not in wrong_enum.text

    aliases = "{" + " ".join(f"a{n}: __typename" for n in range(31)) + "}"
    extensions = production.post(aliases).json()["errors"][0]["extensions"]
    assert extensions.keys() == {"code", "limit", "requestId"}
    assert extensions["limit"] == "aliases"


def test_explore_tells_more(explore: Served) -> None:
    """Suggestions, and the measured value beside the limit."""
    assert "Did you mean 'backends'" in explore.post("{ backendz { backend } }").text
    aliases = "{" + " ".join(f"a{n}: __typename" for n in range(31)) + "}"
    extensions = explore.post(aliases).json()["errors"][0]["extensions"]
    assert (extensions["limit"], extensions["measured"], extensions["maximum"]) == ("aliases", 31, 30)


def test_graphiqls_introspection_passes(explore: Served) -> None:
    """The introspection that GraphiQL sends is inside every limit."""
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    answer = explore.post(query).json()

    assert "errors" not in answer
    assert "Task" in build_client_schema(answer["data"]).type_map


def test_metrics_are_local(explore: Served) -> None:
    """/metrics answers a caller on this machine, and nobody behind a proxy on it."""
    explore.post("{" + " ".join(f"a{n}: __typename" for n in range(31)) + "}")
    local = httpx.get(f"{explore.origin}/metrics", trust_env=False)
    forwarded = httpx.get(f"{explore.origin}/metrics", headers={"x-forwarded-for": "203.0.113.9"}, trust_env=False)

    assert 'gateway_limits_exceeded_total{limit="aliases"}' in local.text
    assert forwarded.status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("203.0.113.9", 404),
        ("::ffff:203.0.113.9", 404),
        ("a-socket", 404),
    ],
)
async def test_who_is_local(address: str, status: int) -> None:
    """This machine by each of its names, that of IPv4 on a socket for both families among them, and no other."""
    app = Starlette(routes=[metrics_route(lambda: b"numbers")])
    transport = httpx.ASGITransport(app, client=(address, 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.get("/metrics")).status_code == status


def test_unexpected_errors_are_masked() -> None:
    """A bug's text reaches nobody; an expected error passes; siblings keep their data."""
    with served_schema(small_schema()) as served:
        answer = served.post("{ broken refused quick }", {"x-request-id": "mask-1"})

    assert answer.json()["data"] == {"broken": None, "refused": None, "quick": "done"}
    broken, refused = answer.json()["errors"]
    assert broken["message"] == "Internal error"
    assert broken["path"] == ["broken"]
    assert broken["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "mask-1"}
    assert (refused["message"], refused["extensions"]["code"]) == ("a sentence for clients", "BAD_USER_INPUT")
    assert "planted-secret" not in answer.text


def test_no_batches_no_tracing(explore: Served) -> None:
    """Nothing about how long something took or which resolver ran is ever in an answer."""
    answer = explore.post("{ backends { backend } }", extensions={"tracing": True, "debug": True}).json()

    assert answer.keys() == {"data"}


def test_json_is_as_written(explore: Served) -> None:
    """Texts travel as UTF-8."""
    response = _send(explore, json.dumps({"query": '{ node(id: "車両") { id } }'}))

    assert "application/json; charset=utf-8" in response.headers["content-type"]
    assert _utf8(response)


def _utf8(response: httpx.Response) -> bool:
    return bool(response.content.decode("utf-8"))
