"""Identity, scopes, rates and the deadline over HTTP and event streams, against a real uvicorn."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from gateway.sandbox.faults import Fault
from gateway.settings import SettingsError
from tests.gateway.endpoints.served import Served, open_streams, served_gateway, served_schema, small_schema, written
from tests.gateway.sandbox.served import served
from tests.waiting import wait_until

KEYS = {"reader": "read", "writer": "write", "both": "read+write"}
LIST_OF_KEYS = ",".join(
    f"{name}:{hashlib.sha256(f'key-of-{name}'.encode()).hexdigest()}:{scopes}" for name, scopes in KEYS.items()
)
SIGNING = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _as(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer key-of-{name}"}


@pytest.fixture(scope="module")
def closed() -> Iterator[Served]:
    with served_schema(small_schema(), GATEWAY_AUTH__ANONYMOUS="none", GATEWAY_AUTH__API_KEYS=LIST_OF_KEYS) as house:
        yield house


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic a2V5"}])
def test_unauthenticated(closed: Served, headers: dict[str, str]) -> None:
    """Missing and bad credentials are 401 with a challenge, whatever the client accepts."""
    for accept in ("application/json", "application/graphql-response+json", "text/event-stream"):
        response = closed.post("{ quick }", {**headers, "accept": accept})
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_two_credentials_are_none(closed: Served) -> None:
    """A request with two Authorization headers is refused: which one counts would be anybody's guess."""
    headers = [("authorization", "Bearer key-of-both"), ("authorization", "Bearer key-of-reader")]
    response = httpx.post(closed.url, json={"query": "{ quick }"}, headers=headers, trust_env=False)

    assert response.status_code == 401


def test_scopes(closed: Served) -> None:
    """`write` does not read and `read` does not write; the refusal names its field, and nothing was written."""
    before = list(written)
    reading = closed.post("{ quick }", _as("writer")).json()
    writing = closed.post("mutation { write }", _as("reader")).json()
    streaming = closed.post("subscription { count }", {**_as("writer"), "accept": "text/event-stream"}).text

    assert reading["data"] is None
    assert reading["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert reading["errors"][0]["path"] == ["quick"]
    assert writing["data"] == {"write": None}
    assert writing["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert written == before
    assert '"FORBIDDEN"' in streaming
    assert "count" not in streaming.replace('"path":["count"]', "")
    assert closed.post("mutation { write }", _as("writer")).json() == {"data": {"write": "written"}}


def test_nothing_is_sent_without_scope() -> None:
    """The emulators see no request of a caller that may not read."""
    with served_gateway(GATEWAY_AUTH__ANONYMOUS="none", GATEWAY_AUTH__API_KEYS=LIST_OF_KEYS) as gateway:
        answer = gateway.post('{ task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { id } }', _as("writer")).json()
        calls = gateway.calls()
        allowed = gateway.post('{ task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { id } }', _as("reader")).json()

    assert answer["data"] == {"task": None}
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert calls == 0
    assert allowed["data"]["task"]["id"]


def test_a_callers_credentials_go_nowhere() -> None:
    """Backends see the gateway's own credentials, never the caller's, nor its other headers."""
    with served_gateway(GATEWAY_AUTH__API_KEYS=LIST_OF_KEYS) as gateway:
        headers = {**_as("both"), "cookie": "session=1", "x-forwarded-for": "1.2.3.4", "x-request-id": "from-outside"}
        gateway.post('{ task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { id } }', headers)
        assert gateway.sandbox is not None
        (call,) = gateway.sandbox.scale.faults.recorder

    sent = str(vars(call) if hasattr(call, "__dict__") else call)
    assert "key-of-both" not in sent
    assert "session=1" not in sent
    assert "1.2.3.4" not in sent


def test_a_file_of_keys() -> None:
    """Keys may stand in a file."""
    path = Path(__file__).parent / "no-such-file-of-keys"
    with (
        pytest.raises(SettingsError, match="AUTH__API_KEYS_FILE"),
        served_schema(small_schema(), GATEWAY_AUTH__API_KEYS_FILE=str(path)),
    ):
        pass


def test_rate_limit() -> None:
    """Above its rate a caller gets 429 and when to come back; another caller is not touched."""
    with served_schema(small_schema(), GATEWAY_AUTH__API_KEYS=LIST_OF_KEYS, GATEWAY_RATE_LIMIT="3/minute") as limited:
        answers = [limited.post("{ quick }", _as("reader")) for _ in range(5)]
        other = limited.post("{ quick }", _as("both"))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert other.status_code == 200


def _issuer() -> Starlette:
    key = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(SIGNING.public_key())), "kid": "k1", "use": "sig"}

    async def keys(_: object) -> JSONResponse:
        return JSONResponse({"keys": [key]})

    return Starlette(routes=[Route("/jwks.json", keys)])


@pytest.fixture(scope="module")
def token_house() -> Iterator[Served]:
    with (
        served(_issuer()) as issuer,
        served_schema(
            small_schema(),
            GATEWAY_AUTH__ANONYMOUS="none",
            GATEWAY_AUTH__JWKS_URL=f"{issuer}/jwks.json",
            GATEWAY_AUTH__ISSUER="https://issuer.example",
            GATEWAY_AUTH__AUDIENCE="tasks",
        ) as house,
    ):
        yield house


def _token(expires_in_s: float) -> str:
    # The gateway's own grace of 30 s stands between `exp` and the end.
    claims: dict[str, object] = {
        "iss": "https://issuer.example",
        "aud": "tasks",
        "sub": "ada",
        "scope": "read",
        "exp": time.time() + expires_in_s - 30,
    }
    return jwt.encode(claims, SIGNING, algorithm="RS256", headers={"kid": "k1"})


def test_tokens(token_house: Served) -> None:
    """A token of the issuer, its keys fetched over HTTP, lets its bearer in with its scopes."""
    headers = {"authorization": f"Bearer {_token(3600)}"}

    assert token_house.post("{ quick }", headers).json() == {"data": {"quick": "done"}}
    assert token_house.post("mutation { write }", headers).json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert token_house.post("{ quick }", {"authorization": f"Bearer {_token(-1)}"}).status_code == 401


def test_a_stream_ends_with_its_token(token_house: Served) -> None:
    """When the token expires the event stream says so and ends."""
    headers = {"authorization": f"Bearer {_token(1.5)}", "accept": "text/event-stream"}
    response = token_house.post("subscription { silence }", headers)

    assert '"UNAUTHENTICATED"' in response.text
    assert response.text.endswith("event: complete\ndata: \n\n")
    wait_until(lambda: "silence" not in open_streams, "the subscription goes on")


def test_a_socket_ends_with_its_token(token_house: Served) -> None:
    """When the token expires the socket closes with 4403, and its subscriptions with it."""
    with connect(token_house.socket_url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as connection:
        payload = {"authorization": f"Bearer {_token(1.5)}"}
        connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(connection.recv(timeout=5))["type"] == "connection_ack"
        connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": "subscription { silence }"}}))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=10)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    wait_until(lambda: "silence" not in open_streams, "the subscription goes on")


def test_the_deadline() -> None:
    """What has arrived by then is answered, the rest fails with REQUEST_TIMEOUT; a write begun still ends."""
    with served_schema(small_schema(), GATEWAY_REQUEST_TIMEOUT_S="0.4") as house:
        started = time.perf_counter()
        answer = house.post("{ slow(seconds: 30) b: slow(seconds: 0) quick }").json()
        seconds = time.perf_counter() - started
        written.clear()
        writing = house.post("mutation { a: write(seconds: 1) b: write }", {"x-request-id": "w"}).json()
        wait_until(lambda: written == ["w"], "the write was cut off")

    assert answer["data"] == {"slow": None, "b": "done", "quick": "done"}
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["slow"], "REQUEST_TIMEOUT")
    assert seconds < 5
    assert writing["data"] == {"a": None, "b": None}
    assert [error["extensions"]["code"] for error in writing["errors"]] == ["REQUEST_TIMEOUT"] * 2


def test_nothing_is_asked_after_the_deadline() -> None:
    """What was under way when the operation's time was up is not asked once more."""
    lists = " ".join(
        f'b{number}: batches(project: "p{number}", first: 2) {{ nodes {{ name }} }}' for number in range(9)
    )
    with served_gateway(GATEWAY_REQUEST_TIMEOUT_S="0.5") as gateway:
        assert gateway.sandbox is not None
        gateway.sandbox.scale.faults.latency_s = 60
        answer = gateway.post(f"{{ {lists} }}").json()

        assert len(gateway.sandbox.scale.faults.recorder) == 9
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"REQUEST_TIMEOUT"}


def test_late_look_ups_are_items() -> None:
    """A look-up that is late is its own outcome: the others of its list are answered."""
    with served_gateway(GATEWAY_REQUEST_TIMEOUT_S="0.5") as gateway:
        assert gateway.sandbox is not None
        gateway.sandbox.rosetta.faults.add(Fault(kind="hang"))
        by = [
            {"scaleTaskId": "5ca1ab1e0000000000000002"},
            {"rosetta": {"campaignId": "urban-driving-2025", "annotationRequestId": "r", "sceneId": "s"}},
        ]
        query = """query($by: [TaskBy!]!) { lookupTasks(by: $by) {
            __typename ... on TaskError { code retryable } ... on BackendError { backend } } }"""
        answer = gateway.post(query, variables={"by": by}).json()

    task, late = answer["data"]["lookupTasks"]
    assert task["__typename"] == "Task"
    assert late == {"__typename": "BackendError", "code": "BACKEND_TIMEOUT", "retryable": True, "backend": "ROSETTA"}


def test_leaving_a_stream_ends_it() -> None:
    """A client that goes away takes its subscription with it."""
    with served_schema(small_schema()) as house:
        with httpx.stream(
            "POST",
            house.url,
            json={"query": "subscription { silence }"},
            headers={"accept": "text/event-stream"},
            trust_env=False,
        ) as response:
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            chunks = response.iter_bytes()
            assert next(chunks) == b":\n\n"
            wait_until(lambda: "silence" in open_streams, "no subscription")
        wait_until(lambda: "silence" not in open_streams, "the subscription goes on")


def test_streams_of_one_caller_are_counted() -> None:
    """Above the limit of open streams a caller's next one is refused."""
    with served_schema(small_schema(), GATEWAY_LIMITS__SOCKETS="1") as house:
        streaming = threading.Event()
        done = threading.Event()

        def hold() -> None:
            with httpx.stream(
                "POST",
                house.url,
                json={"query": "subscription { silence }"},
                headers={"accept": "text/event-stream"},
                trust_env=False,
            ) as response:
                chunks = response.iter_bytes()
                next(chunks)
                streaming.set()
                done.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        assert streaming.wait(10)
        refused = house.post("subscription { count }", {"accept": "text/event-stream"})
        done.set()
        thread.join()

    assert refused.json()["errors"][0]["extensions"]["limit"] == "sockets"
