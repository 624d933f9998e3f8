"""A request that comes again is answered from what is remembered, and is a request like any other."""

import hashlib
import logging

import pytest

from gateway.remembered import Remembered
from tests.gateway.test_metrics import families, value
from tests.gateway.world import world

pytestmark = pytest.mark.anyio

BODY = {"query": 'query Again { task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { status } }'}
KEYS = f"kim:{hashlib.sha256(b'kims-key').hexdigest()}"


async def test_each_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One call to the backend; every operation in the metrics and in the log, each under an id of its own."""
    caplog.set_level(logging.INFO, "gateway.operations")
    # It is plans whose answers are kept.
    async with world(GATEWAY_AUTH__API_KEYS=KEYS, GATEWAY_EXECUTION="plan") as gateway:
        headers = {"authorization": "Bearer kims-key"}
        answers = [await gateway.client.post("/graphql", json=BODY, headers=headers) for _ in range(5)]
        served = await families(gateway)
        calls = gateway.calls()

    lines = [record.__dict__["line"] for record in caplog.records if record.name == "gateway.operations"]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert calls == (1, 0)
    assert value(served["gateway_operations"], outcome="ok") == 5
    assert value(served["gateway_operation_seconds"], "_count") == 5
    # The first had to be read, the second was made of what the first had left.
    assert value(served["gateway_cache_reads"], state="kept") == 3
    assert [line["calls"] for line in lines] == [1, 0, 0, 0, 0]
    assert {(line["caller"], line["operation"], line["outcome"]) for line in lines} == {("kim", "Again", "ok")}
    assert [line["request_id"] for line in lines] == [answer.headers["x-request-id"] for answer in answers]
    assert len({line["request_id"] for line in lines}) == 5


async def test_what_the_client_takes_and_says_counts_each_time() -> None:
    """The media type, the request id and the wish for nothing stale are each request's own."""
    async with world() as gateway:
        plain = [await gateway.client.post("/graphql", json=BODY) for _ in range(2)]
        other = await gateway.client.post(
            "/graphql", json=BODY, headers={"accept": "application/graphql-response+json", "x-request-id": "mine"}
        )
        before = gateway.calls()
        await gateway.client.post("/graphql", json=BODY, headers={"cache-control": "no-cache"})
        await gateway.client.post(
            "/graphql", json=BODY, headers=[("cache-control", "max-age=0"), ("cache-control", "no-cache")]
        )
        after = gateway.calls()

    assert plain[1].headers["content-type"] == "application/json; charset=utf-8"
    assert other.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert other.headers["x-request-id"] == "mine"
    assert other.content == plain[0].content
    assert other.headers.keys() == plain[0].headers.keys()
    assert (before, after) == ((1, 0), (3, 0))


async def test_each_counts_against_the_callers_rate() -> None:
    """What is remembered of a request does not let it pass its caller's rate."""
    async with world(GATEWAY_RATE_LIMIT="3/minute") as gateway:
        answers = [await gateway.client.post("/graphql", json=BODY) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


async def test_each_counts_over_a_limit_that_only_warns() -> None:
    """With WARN_ONLY nothing is remembered: each operation over a limit is told of."""
    async with world(GATEWAY_LIMITS__WARN_ONLY="true", GATEWAY_LIMITS__COST="1") as gateway:
        for _ in range(3):
            await gateway.client.post("/graphql", json=BODY)
        served = await families(gateway)

    assert value(served["gateway_limits_exceeded"], limit="cost") == 3


async def test_a_subscription_is_refused_each_time() -> None:
    """One answer cannot carry it, however often it is asked for."""
    body = {"query": 'subscription { taskChanged(by: [{scaleTaskId: "x"}]) { __typename } }'}
    async with world() as gateway:
        codes = [(await gateway.client.post("/graphql", json=body)).status_code for _ in range(2)]

    assert codes == [406, 406]


def test_what_is_remembered_is_bounded() -> None:
    """By number and by weight; what is asked for again outlives what is not, and a giant is not taken."""
    remembered: Remembered[int, str] = Remembered(most=20, max_weight=1000)
    remembered.keep(-1, "often", 1)
    for number in range(100):
        remembered.keep(number, "once", 1)
        assert remembered.get(-1) == "often"
        assert len(remembered) <= 20
    for number in range(100):
        remembered.keep(number, "heavy", 100)
    remembered.keep(-2, "giant", 500)

    assert len(remembered) <= 10
    assert (remembered.get(99), remembered.get(0), remembered.get(-2)) == ("heavy", None, None)
