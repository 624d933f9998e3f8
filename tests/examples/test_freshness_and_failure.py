"""examples/freshness-and-failure.md is true: run from top to bottom, each answer is the one written below its query.

Before each query a comment says what happens first and what it costs, by name (defaults in brackets):

seconds       how much later it is than at the step before [0]
scale         the HTTP status that Scale answers everything with [it is well]
no_cache      whether the request says `Cache-Control: no-cache` [false]
times         how often it is asked; the last answer counts [1]
scale_calls   how many calls reach Scale, those behind the answer included [not counted]
"""

import asyncio
import json
import re
from typing import Any

import pytest

from gateway.sandbox.faults import Fault
from schema.errors import ErrorCode
from tests.examples.conftest import EXAMPLES
from tests.gateway.world import World, world
from tests.matching import matches

PAGE = (EXAMPLES / "freshness-and-failure.md").read_text()
STEPS = re.findall(r"<!-- step: ?(.*?) -->\n```graphql\n(.*?)```\s+```json\n(.*?)```", PAGE, re.DOTALL)
_KNOWN = {"seconds", "scale", "no_cache", "times", "scale_calls"}


def _told(comment: str) -> dict[str, str]:
    told = dict(part.split("=") for part in comment.split())
    assert told.keys() <= _KNOWN, comment
    return told


async def _play(gateway: World, told: dict[str, str], query: str) -> tuple[dict[str, Any], int]:
    """The last answer of a step, and how many calls of Scale it cost."""
    faults, clock = gateway.sandbox.scale.faults, gateway.sandbox.scale.clock
    clock.advance(float(told.get("seconds", 0)))
    faults.clear()
    if "scale" in told:
        faults.add(Fault("status", status=int(told["scale"])))
    headers = {"Cache-Control": "no-cache"} if told.get("no_cache") == "true" else {}
    before = len(faults.recorder)
    for _ in range(int(told.get("times", 1))):
        response = await gateway.client.post("/graphql", json={"query": query}, headers=headers)
        await _refreshes()
    answer: dict[str, Any] = response.json()
    return answer, len(faults.recorder) - before


async def _refreshes() -> None:
    """Lets reads behind an answer run to their end: nothing here takes time of its own."""
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_page_is_true() -> None:
    """The whole story, in one gateway: answers and calls are those that stand on the page."""
    async with world() as gateway:
        for comment, query, written in STEPS:
            told = _told(comment)
            answer, calls = await _play(gateway, told, query)

            assert matches(json.loads(written), answer), f"{comment}\n{json.dumps(answer, indent=2)}"
            assert calls == int(told.get("scale_calls", calls)), comment


def test_every_query_is_a_step() -> None:
    """No query or answer of the page escapes the test."""
    assert len(STEPS) == PAGE.count("```graphql") == PAGE.count("```json") > 10


def test_every_code_has_its_advice() -> None:
    """The page's table says of each error code what to do."""
    table = PAGE.partition("## What to do about each code")[2]

    assert {code.name for code in ErrorCode} == set(re.findall(r"`([A-Z_]+)`", table))
