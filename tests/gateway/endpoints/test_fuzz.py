"""Requests that no client would send, and generated operations: never a 5xx, never silence, never growth."""

import os
import random

import httpx

from tests.gateway.endpoints.hostile import hostile_request
from tests.gateway.endpoints.served import served_gateway

# The nightly run asks for 10000.
CASES = int(os.environ.get("GATEWAY_FUZZ_CASES", "300"))


def test_hostile_requests() -> None:
    """Each gets an answer below 500 in time, and the process stands as before."""
    chance = random.Random(6)
    with served_gateway() as served, httpx.Client(trust_env=False, timeout=10) as client:
        for number in range(CASES):
            hostile = hostile_request(chance)
            response = client.request(
                hostile.method,
                served.origin + hostile.target,
                headers=list(hostile.headers),
                content=hostile.body,
            )
            assert response.status_code < 500, (number, hostile, response.text)
        assert served.post("{ __typename }").json() == {"data": {"__typename": "Query"}}
