"""Over real sockets: what a network does to answers, and what the client's transport does to addresses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.backends.scale import ScaleClient, scale_backend
from gateway.backends.transport import Limits, path_segment
from schema.errors import ErrorCode, GatewayError
from schema.task import Task
from tests.fakes import CountingObserver, scale
from tests.gateway.backends.replying import Reply, replying, sending
from tests.gateway.backends.scale.scripted import API_KEY, TASK_ID, recorded

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LIMITS = Limits(timeout_s=10, connect_timeout_s=5)


@asynccontextmanager
async def served(reply: Reply, limits: Limits = LIMITS) -> AsyncIterator[tuple[ScaleClient, list[bytes]]]:
    """A client of a server that reads each request's head, notes it and then does as `reply` says."""
    async with replying(reply) as (server, port):
        client = scale_backend(f"http://127.0.0.1:{port}/v1", API_KEY, limits=limits, observer=CountingObserver())
        try:
            yield client, server.heads
        finally:
            await client.aclose()


def whole(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers nothing, as long as the client stays."""
    await reader.read()


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the beginning, and no more."""
    writer.write(whole(BODY)[:100])
    await never(reader, writer)


async def outcome_of(reply: Reply, limits: Limits = LIMITS) -> "Task | GatewayError | None":
    """What a read of one task leads to."""
    async with served(reply, limits) as (client, _):
        [outcome] = await client.fetch([scale(TASK_ID)])
    return outcome


BODY = recorded("completed")


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(sending(whole(BODY)), id="whole"),
        pytest.param(sending(whole(BODY)[:200], whole(BODY)[200:]), id="in two parts"),
        pytest.param(
            sending(
                OK + b"Transfer-Encoding: chunked\r\n\r\n",
                b"%x\r\n%s\r\n" % (100, BODY[:100]),
                b"%x\r\n%s\r\n" % (len(BODY) - 100, BODY[100:]),
                b"0\r\n\r\n",
            ),
            id="chunked",
        ),
        pytest.param(sending(OK + b"Connection: close\r\n\r\n" + BODY, then_close=True), id="until the end"),
    ],
)
async def test_answers_in_every_framing(reply: Reply) -> None:
    """However the body is framed, it is the same task."""
    outcome = await outcome_of(reply)

    assert isinstance(outcome, Task)
    assert outcome.record.body == BODY


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        pytest.param(sending(whole(b"<html>no JSON</html>")), ErrorCode.BACKEND_BAD_RESPONSE, id="malformed"),
        pytest.param(sending(whole(BODY[:-5])), ErrorCode.BACKEND_BAD_RESPONSE, id="JSON cut short"),
        pytest.param(
            sending(whole(BODY)[:-5], then_close=True), ErrorCode.BACKEND_BAD_RESPONSE, id="less than announced"
        ),
        pytest.param(
            sending(OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\n" + BODY[:50], then_close=True),
            ErrorCode.BACKEND_BAD_RESPONSE,
            id="chunk cut short",
        ),
        pytest.param(sending(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), ErrorCode.BACKEND_BAD_RESPONSE, id="no HTTP"),
        pytest.param(sending(then_close=True), ErrorCode.BACKEND_UNAVAILABLE, id="dropped"),
        pytest.param(sending(whole(b"<h1>", b"502 Bad Gateway")), ErrorCode.BACKEND_UNAVAILABLE, id="bad gateway"),
    ],
)
async def test_what_networks_do(reply: Reply, code: ErrorCode) -> None:
    """Each has its code; nothing of it is raised or told."""
    outcome = await outcome_of(reply)

    assert isinstance(outcome, GatewayError)
    assert outcome.code is code
    assert "127.0.0.1" not in outcome.message


async def test_nobody_listens() -> None:
    """A refused connection is a backend that is not there."""
    client = scale_backend("http://127.0.0.1:1/v1", API_KEY, limits=LIMITS, observer=CountingObserver())

    [outcome] = await client.fetch([scale(TASK_ID)])
    await client.aclose()

    assert isinstance(outcome, GatewayError)
    assert outcome.code is ErrorCode.BACKEND_UNAVAILABLE


@pytest.mark.parametrize("reply", [never, half])
async def test_what_is_not_there_in_time(reply: Reply) -> None:
    """The deadline holds for the body as well as for the head."""
    outcome = await outcome_of(reply, Limits(timeout_s=0.5))

    assert isinstance(outcome, GatewayError)
    assert outcome.code is ErrorCode.BACKEND_TIMEOUT


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a bc/def", "%2F", "車両", "x?y#z", "a+b&c=d", "~-_"])
async def test_names_in_paths_arrive_as_sent(name: str) -> None:
    """An encoded slash or dot stays encoded: no layer below makes another address of it."""
    async with served(sending(whole(recorded("batch_status")))) as (client, heads):
        assert await client.batch_status(name) is not None

    assert heads[0].partition(b"\r\n")[0] == b"GET /v1/batches/%s/status HTTP/1.1" % path_segment(name).encode()


async def test_unique_ids_in_queries_arrive_as_sent() -> None:
    """Repeated keys and every awkward character survive the sockets, and a read has no body."""
    empty = b'{"docs":[],"has_more":false}'
    async with served(sending(whole(empty))) as (client, heads):
        outcomes = await client.fetch_by_unique_id(["s3://b/f.png", "x y&z=1", "車両", "%2F", "a+b;c"])

    lines = heads[0].split(b"\r\n")
    assert lines[0] == (
        b"GET /v1/tasks?unique_id=s3%3A%2F%2Fb%2Ff.png&unique_id=x%20y%26z%3D1&unique_id=%E8%BB%8A%E4%B8%A1"
        b"&unique_id=%252F&unique_id=a%2Bb%3Bc&limit=100&include_attachment_url=false HTTP/1.1"
    )
    named = {line.partition(b":")[0].lower(): line.partition(b": ")[2] for line in lines[1:]}
    assert named[b"authorization"] == b"Basic dGVzdF9leGFtcGxlX2tleTo="
    assert b"content-type" not in named
    assert named.get(b"content-length", b"0") == b"0"
    assert list(outcomes) == [None] * 5


async def test_a_fan_out_uses_its_connections_again() -> None:
    """100 reads over 10 connections all come back as themselves."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task_id = heads[-1].partition(b" HTTP")[0].rpartition(b"/")[2]
        writer.write(whole(b'{"task_id":"%s","status":"pending"}' % task_id))

    limits = Limits(timeout_s=5, max_concurrency=10)
    async with served(reply, limits) as (client, heads):
        references = [scale(f"t{i}") for i in range(100)]
        outcomes = await client.fetch(references)

    assert [outcome.reference for outcome in outcomes if isinstance(outcome, Task)] == references
