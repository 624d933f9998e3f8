"""Requests that no client would send, and generated operations: never a 5xx, never silence, never growth."""

import os
import random
from pathlib import Path

import httpx

from tests.gateway.endpoints.hostile import hostile_request
from tests.gateway.endpoints.served import served_gateway

# The nightly run asks for 10000.
CASES = int(os.environ.get("GATEWAY_FUZZ_CASES", "300"))


def _resident_bytes() -> int:
    """Of this process, in which the server runs as well."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_hostile_requests() -> None:
    """Each gets an answer below 500 in time, and the process stands as before, no larger."""
    chance = random.Random(6)
    before = 0
    with served_gateway() as served, httpx.Client(trust_env=False, timeout=10) as client:
        for number in range(CASES):
            if number == CASES // 3:
                before = _resident_bytes()
            hostile = hostile_request(chance)
            response = client.request(
                hostile.method,
                served.origin + hostile.target,
                headers=list(hostile.headers),
                content=hostile.body,
            )
            assert response.status_code < 500, (number, hostile, response.text)
        assert _resident_bytes() - before < 64 * 1024 * 1024
        assert served.post("{ __typename }").json() == {"data": {"__typename": "Query"}}
