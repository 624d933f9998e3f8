"""Public clients and audits, as their users run them, against a real uvicorn."""

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from schema import build_schema
from tests.gateway.endpoints.served import open_streams, served_gateway, served_schema, small_schema

HERE = Path(__file__).parent

pytestmark = pytest.mark.long

# A dozen root fields, 100 operations each, on a machine that does other things too.
_FUZZING_S = 880
DONE = [{"data": {"count": number}} for number in range(3)]


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """What package-lock.json names, installed once."""
    stamp = HERE / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True, timeout=110)


def _node(script: str, *arguments: str) -> Any:
    done = subprocess.run(
        ["node", script, *arguments], cwd=HERE, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.node
@pytest.mark.usefixtures("npm_packages")
def test_graphql_over_http_audits() -> None:
    """All 61 public audits of GraphQL over HTTP pass: MUST, SHOULD and MAY."""
    with served_gateway() as served:
        outcomes = _node("audits.mjs", served.url)

    assert [outcome for outcome in outcomes if outcome["status"] != "ok"] == []
    assert len(outcomes) == 61


@pytest.mark.node
@pytest.mark.usefixtures("npm_packages")
def test_graphql_ws() -> None:
    """graphql-ws subscribes, queries and mutates over a socket; errors arrive as errors, coded and masked."""
    with served_schema(small_schema()) as served:
        outcomes = _node("ws.mjs", served.socket_url)

    assert outcomes["subscription"] == DONE
    assert outcomes["query"] == [{"data": {"quick": "done"}}]
    assert outcomes["mutation"] == [{"data": {"write": "written"}}]
    assert outcomes["invalid"]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert outcomes["unparsable"]["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert outcomes["broken"][1]["errors"][0]["message"] == "Internal error"


@pytest.mark.node
@pytest.mark.usefixtures("npm_packages")
def test_graphql_sse() -> None:
    """graphql-sse does the same over event streams, and leaving ends the subscription behind it."""
    with served_schema(small_schema()) as served:
        outcomes = _node("sse.mjs", served.url)
        still_open = list(open_streams)

    assert outcomes["subscription"] == DONE
    assert outcomes["query"] == [{"data": {"quick": "done"}}]
    assert outcomes["mutation"] == [{"data": {"write": "written"}}]
    assert outcomes["invalid"][0]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert outcomes["broken"][0] == {"data": {"broken": 1}}
    assert outcomes["broken"][1]["errors"][0]["message"] == "Internal error"
    assert still_open == []


@pytest.mark.node
@pytest.mark.usefixtures("npm_packages")
def test_graphql_eslint() -> None:
    """graphql-eslint finds nothing in the schema, by its recommended and its Relay rules."""
    sdl = HERE / "schema.graphql"
    sdl.write_text(build_schema().as_str())
    try:
        done = subprocess.run(
            ["npx", "eslint", "--format", "json", sdl.name], cwd=HERE, capture_output=True, text=True, check=False
        )
    finally:
        sdl.unlink()

    (result,) = json.loads(done.stdout)

    assert [message["message"] for message in result["messages"]] == []


async def _gql_socket(url: str) -> tuple[list[Any], Any]:
    async with Client(transport=WebsocketsTransport(url=url)) as session:
        events = [event async for event in session.subscribe(gql("subscription { count(to: 3) }"))]
        return events, await session.execute(gql("{ quick }"))


@pytest.mark.anyio
async def test_gql() -> None:
    """gql subscribes and queries over a socket, and queries over HTTP."""
    with served_schema(small_schema()) as served:
        events, answer = await asyncio.wait_for(_gql_socket(served.socket_url), 20)
        async with Client(transport=HTTPXAsyncTransport(url=served.url)) as session:
            over_http = await session.execute(gql("{ quick }"))

    assert events == [{"count": number} for number in range(3)]
    assert answer == over_http == {"quick": "done"}


@pytest.mark.timeout(_FUZZING_S + 20)
def test_schemathesis() -> None:
    """Schemathesis, every check on, finds nothing in 100 operations of each root field, inside the shipped limits."""
    hooks = {"SCHEMATHESIS_HOOKS": "tests.clients.schemathesis_hooks"}

    def run(root: str) -> "subprocess.CompletedProcess[str]":
        return _schemathesis(served.url, "positive", 100, "--include-name-regex", rf"{root}\..*", **hooks)

    # Most of the time goes into making operations up: two processes use two cores.
    with served_gateway() as served, ThreadPoolExecutor() as both:
        outcomes = list(both.map(run, ("Query", "Mutation")))

    for outcome in outcomes:
        assert "No issues found" in outcome.stdout, outcome.stdout
        assert outcome.returncode == 0


@pytest.mark.timeout(_FUZZING_S + 20)
def test_schemathesis_breaks_the_rules() -> None:
    """Operations that break the schema's rules are refused, every one, and none is a fault of ours."""
    with served_gateway() as served:
        outcome = _schemathesis(served.url, "negative", 30, SCHEMATHESIS_HOOKS="tests.clients.schemathesis_scalars")

    assert "No issues found" in outcome.stdout, outcome.stdout
    assert outcome.returncode == 0


def _schemathesis(
    url: str, mode: str, examples: int, *more: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "schemathesis"
    options = ["--checks", "all", "--max-examples", str(examples), "--seed", "6", "--mode", mode, "--no-color"]
    return subprocess.run(
        [str(program), "run", url, *options, *more],
        cwd=HERE.parents[1],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_FUZZING_S,
        check=False,
    )
