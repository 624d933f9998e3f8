"""Attacks against a real uvicorn: each is refused by name, in time, without a backend; the process answers on."""

import json

import httpx
import pytest

from benchmarks.attacks import measure
from gateway.demo import CALLBACK_SECRET
from gateway.sandbox.scale.seed import DEMO_PENDING
from tests.gateway.endpoints.served import Served, served_gateway

# What each attack is answered with: status, code and limit.
pytestmark = pytest.mark.alone

ANSWERS = {
    "fragment bomb, 40 levels": (400, "TOO_COMPLEX rootFields"),
    "101 aliases": (400, "TOO_COMPLEX aliases"),
    "3000 aliases": (400, "TOO_COMPLEX document"),
    "10000 copies of a field": (400, "TOO_COMPLEX tokens"),
    "1900 copies of a field": (400, "TOO_COMPLEX fields"),
    "depth 60": (400, "TOO_COMPLEX depth"),
    "depth 2000": (400, "TOO_COMPLEX tokens"),
    "800 nested lists": (400, "TOO_COMPLEX depth"),
    "fragment cycle": (400, "GRAPHQL_VALIDATION_FAILED"),
    "2000 directives on a field": (400, "TOO_COMPLEX tokens"),
    "10 unknown directives": (400, "GRAPHQL_VALIDATION_FAILED"),
    "1000 operations": (400, "TOO_COMPLEX tokens"),
    "3000 variables": (400, "TOO_COMPLEX document"),
    "circular introspection": (400, "GRAPHQL_VALIDATION_FAILED"),
    "9 pages of 100 with history": (400, "TOO_COMPLEX cost"),
    "first: 1000000": (200, "BAD_USER_INPUT"),
    "1 MB document": (400, "TOO_COMPLEX document"),
    "10000 ids": (400, "BAD_USER_INPUT"),
    "20 MB body": (413, "TOO_COMPLEX body"),
    "gzip bomb": (415, "BAD_USER_INPUT"),
    "100000 nested arrays": (400, "BAD_USER_INPUT"),
    "integer of 5000 digits": (400, "BAD_USER_INPUT"),
    "invalid UTF-8": (400, "BAD_USER_INPUT"),
    "array of 1000 operations": (400, "BAD_USER_INPUT"),
}
_TRAVERSALS = ("../../admin", "a/b", "a?x=1", "%2e%2e", "a\r\nb", "a\x00b", "\ud800", "", "x" * 5000)


def test_every_attack_is_refused_in_time() -> None:
    """By its name and without a backend: within 100 ms, the fragment bomb within 50 ms, of the machine's best round."""
    with served_gateway(GATEWAY_PROFILE="production", GATEWAY_INTROSPECTION="true") as served:
        served.post("{ __typename }")
        measured = list(measure(served, rounds=5))
        calls, after = served.calls(), served.post("{ __typename }").json()

    assert {name: (status, told) for name, status, told, _ in measured} == ANSWERS
    best = {name: min(times) for name, _, _, times in measured}
    assert {name: ms for name, ms in best.items() if ms >= 100} == {}
    assert best["fragment bomb, 40 levels"] < 50
    assert (calls, after) == (0, {"data": {"__typename": "Query"}})


def test_ids_that_would_lead_elsewhere() -> None:
    """A Scale task id outside its pattern is refused before the wire; a customer's own text names exactly itself."""
    query = "query($by: TaskBy!) { task(by: $by) { id } }"
    scene = "../../admin?x=1#%2e%2e/車両"
    own = {"campaignId": "a/../b", "annotationRequestId": "c?d", "sceneId": scene}
    with served_gateway() as served:
        refused = [_ask(served, query, {"scaleTaskId": text}) for text in _TRAVERSALS]
        bad_scenes = [
            _ask(served, query, {"rosetta": {**own, "sceneId": text}})
            for text in ("a\r\nb", "a\x00b", "\ud800", "", "x" * 5000)
        ]
        calls = served.calls()
        answered = served.post(query, variables={"by": {"rosetta": own}})
        assert served.sandbox is not None
        paths = {seen.path for seen in served.sandbox.rosetta.faults.recorder}

    codes = {answer.json()["errors"][0]["extensions"]["code"] for answer in refused + bad_scenes}
    assert (codes, calls) == ({"BAD_USER_INPUT"}, 0)
    assert answered.json() == {"data": {"task": None}}
    assert not [path for path in paths if ".." in path or "admin" in path]


def _ask(served: Served, query: str, by: object) -> httpx.Response:
    """JSON in ASCII: as `\\ud800`, half a character travels too."""
    body = json.dumps({"query": query, "variables": {"by": by}})
    return httpx.post(served.url, content=body, headers={"content-type": "application/json"}, trust_env=False)


def test_what_a_client_says_stays_here() -> None:
    """No header of a client reaches a backend: neither credentials nor cookies nor where it says it comes from."""
    planted = "planted-by-a-client"
    headers = {
        "authorization": f"Bearer {planted}",
        "cookie": f"session={planted}",
        "x-forwarded-for": planted,
        "x-api-key": planted,
        "proxy-authorization": planted,
        "x-request-id": planted,
    }
    query = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ id }} campaigns(folderName: "x") {{ id }} }}'
    with served_gateway() as served:
        anonymous = served.post(query, {name: value for name, value in headers.items() if name != "authorization"})
        unknown_key = served.post(query, headers)
        assert served.sandbox is not None
        seen = [*served.sandbox.scale.faults.recorder, *served.sandbox.rosetta.faults.recorder]

    assert anonymous.status_code == 200
    assert unknown_key.status_code == 401
    assert len(seen) >= 2
    assert planted not in "".join(f"{one.path}{one.query}{one.headers}{one.body!r}" for one in seen)


@pytest.mark.parametrize(
    ("secret", "body", "status"),
    [
        (None, b"{}", 401),
        (CALLBACK_SECRET + "x", b"{}", 401),
        (CALLBACK_SECRET, b"{", 400),
        (CALLBACK_SECRET, b" " * 2_000_000, 413),
    ],
    ids=["unsigned", "forged", "malformed", "oversized"],
)
def test_hostile_callbacks(secret: str | None, body: bytes, status: int) -> None:
    """They are refused, and nothing is read because of them; one that is forged is refused without its body."""
    headers = {"content-type": "application/json"}
    if secret is not None:
        headers["scale-callback-auth"] = secret
    with served_gateway() as served:
        url = f"{served.origin}/webhooks/scale"
        answer = httpx.post(url, content=body, headers=headers, trust_env=False)
        calls, after = served.calls(), served.post("{ __typename }").status_code

    assert (answer.status_code, calls, after) == (status, 0, 200)


def test_unknown_ids_answer_alike() -> None:
    """Nothing in an answer tells an id that never was from one that another account may have."""
    query = "query($id: ID!) { task(by: {scaleTaskId: $id}) { id } }"
    with served_gateway() as served:
        answers = {served.post(query, variables={"id": one}).text for one in ("0" * 24, "f" * 24, "neverwas")}

    assert answers == {'{"data":{"task":null}}'}
