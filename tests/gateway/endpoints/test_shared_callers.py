"""Rates and persisted operations of two gateways on one real Redis, and what clients see while it is gone."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.gateway.endpoints.served import Served, served_gateway
from tests.redis_server import RedisServer, redis_server

pytestmark = [pytest.mark.redis, pytest.mark.alone]

QUERY = "{ __typename }"
HASH = hashlib.sha256(QUERY.encode()).hexdigest()
EXTENSIONS = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}
DONE = {"data": {"__typename": "Query"}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


@pytest.fixture
def houses(server: RedisServer) -> Iterator[tuple[Served, Served]]:
    """One knows Redis by its port, the other by its socket; each caller has three requests an hour."""
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(served_gateway(GATEWAY_CACHE__URL=url, GATEWAY_RATE_LIMIT="3/hour"))
            for url in (server.url, server.socket_url)
        )
        yield one, other


def _timed(house: Served) -> tuple[int, float]:
    started = time.monotonic()
    status = house.post(QUERY).status_code
    return status, time.monotonic() - started


def test_a_rate_is_shared(server: RedisServer, houses: tuple[Served, Served]) -> None:
    """What one gateway has let through the other counts, and says when to come back; its keys expire and are ours."""
    one, other = houses
    let_through = [house.post(QUERY).status_code for house in (one, other, one)]
    refused = other.post(QUERY)
    with Redis.from_url(server.url) as client:
        keys = list(client.scan_iter())
        lives = [client.ttl(key) for key in keys]

    assert let_through == [200, 200, 200]
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
    assert [key for key in keys if not key.startswith(b"task-gateway:rate:")] == []
    assert [life for life in lives if not 0 < life <= 7200] == []


def test_a_redis_that_dies_lets_everyone_in(server: RedisServer, houses: tuple[Served, Served]) -> None:
    """Killed under way, nobody is refused or held up; started again, it counts again."""
    one, _ = houses
    before = [one.post(QUERY).status_code for _ in range(4)]
    server.kill()
    meanwhile = [_timed(one) for _ in range(10)]
    server.start()
    time.sleep(1.1)  # until the gateway asks a real server again
    after = [one.post(QUERY).status_code for _ in range(4)]

    assert before == after == [200, 200, 200, 429]
    assert {status for status, _ in meanwhile} == {200}
    assert max(seconds for _, seconds in meanwhile) < 1


@pytest.mark.redis_limits
def test_a_redis_that_hangs_holds_up_one_request(server: RedisServer, houses: tuple[Served, Served]) -> None:
    """Paused, it costs one request a fifth of a second, and those of the next second nothing."""
    one, _ = houses
    one.post(QUERY)
    time.sleep(1.1)  # if that took Redis too long, it is asked again now
    server.pause()
    first, *others = (_timed(one) for _ in range(5))
    server.resume()

    assert {status for status, _ in (first, *others)} == {200}
    assert 0.2 <= first[1] < 0.8
    assert min(seconds for _, seconds in others) < 0.1


def test_persisted_operations_are_shared(server: RedisServer) -> None:
    """Registered at one gateway, an operation is known to the other; a Redis that died has forgotten it, no more."""

    def ask(house: Served, query: str | None = None) -> httpx.Response:
        return house.post(query, extensions=EXTENSIONS)

    with (
        served_gateway(GATEWAY_CACHE__URL=server.url) as one,
        served_gateway(GATEWAY_CACHE__URL=server.socket_url) as other,
    ):
        registered, known = ask(one, QUERY), ask(other)
        server.kill()
        forgotten, sent_whole = ask(other), ask(other, QUERY)
        server.start()
        time.sleep(1.1)  # until the gateways ask a real server again
        registered_again, known_again = ask(other, QUERY), ask(one)

    for answer in (registered, known, sent_whole, registered_again, known_again):
        assert answer.json() == DONE
    assert forgotten.json()["errors"][0]["message"] == "PersistedQueryNotFound"
