"""Callbacks: who may send them, how much, how often; what they say is a hint."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.backends.scale.webhook import ScaleWebhook
from gateway.demo import CALLBACK_SECRET
from gateway.endpoints.webhooks import WebhookEndpoint, webhook_route
from gateway.inbox import Taken
from gateway.sandbox.faults import Fault
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_PENDING
from tests.gateway.live_world import serving
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

STATUS = f'{{ task(by: {{scaleTaskId: "{DEMO_PENDING}"}}) {{ status }} }}'


async def call_back(gateway: World, body: object, secret: str | None = CALLBACK_SECRET) -> httpx.Response:
    """Posts a callback."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {b"content-type": b"application/json"}
    if secret is not None:
        headers[b"scale-callback-auth"] = secret.encode()
    return await gateway.client.post("/webhooks/scale", content=content, headers=headers)


def body_of(gateway: World, task_id: str) -> dict[str, Any]:
    """The body that Scale would send for the task as it is now."""
    record = dict(gateway.sandbox.scale.store.get(task_id).record)
    return {"task_id": task_id, "status": record["status"], "response": record.get("response"), "task": record}


async def settled(gateway: World) -> None:
    """What was taken has been followed: with the emulators in process that takes a few turns of the loop."""
    for _ in range(100):
        await asyncio.sleep(0)


async def outcomes(gateway: World) -> dict[str, float]:
    """The counter of callbacks, by outcome."""
    text = (await gateway.client.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("gateway_callbacks_total{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


def reads(gateway: World) -> int:
    return gateway.calls()[0]


async def test_a_callback_invalidates_and_reads_anew() -> None:
    """After a callback nobody is answered from before it, fresh as the cache may be."""
    async with world() as gateway:
        before = (await gateway.data(STATUS))["task"]["status"]
        gateway.sandbox.scale.store.complete(DEMO_PENDING)
        cached = (await gateway.data(STATUS))["task"]["status"]
        response = await call_back(gateway, body_of(gateway, DEMO_PENDING))
        after = (await gateway.data(STATUS))["task"]["status"]

    assert (response.status_code, response.json()) == (200, {"accepted": True})
    assert (before, cached, after) == ("PENDING", "PENDING", "COMPLETED")


@pytest.mark.parametrize("secret", [None, "", "wrong", CALLBACK_SECRET + "x", CALLBACK_SECRET[:-1], "ü"])
async def test_forged(secret: str | None) -> None:
    """Without the account's secret a callback is refused before its body is looked at, counted, and changes nothing."""
    async with world() as gateway:
        response = await call_back(gateway, b"\xff not even JSON", secret)
        await settled(gateway)
        counted, calls = await outcomes(gateway), reads(gateway)

    assert response.status_code == 401
    assert response.headers["www-authenticate"]
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (counted, calls) == ({"forged": 1}, 0)


async def test_the_body_is_not_believed() -> None:
    """A genuine secret over a made-up state: the task is read, and what the backend says counts."""
    async with world() as gateway:
        body = body_of(gateway, DEMO_PENDING)
        body["task"] = {**body["task"], "status": "canceled", "updated_at": "2020-01-01T00:00:00.000Z"}
        await call_back(gateway, {**body, "status": "canceled"})
        await settled(gateway)
        data = await gateway.data(STATUS)

    assert data["task"]["status"] == "PENDING"


async def test_twenty_deliveries_are_one() -> None:
    """Scale repeats a callback up to 20 times: one read, whether they come together or one after the other."""
    async with world() as gateway:
        gateway.sandbox.scale.store.complete(DEMO_PENDING)
        body = body_of(gateway, DEMO_PENDING)
        responses = await asyncio.gather(*(call_back(gateway, body) for _ in range(10)))
        await settled(gateway)
        for _ in range(10):
            responses.append(await call_back(gateway, body))
            await settled(gateway)
        counted, calls = await outcomes(gateway), reads(gateway)

    assert {response.status_code for response in responses} == {200}
    assert (counted, calls) == ({"new": 1, "repeated": 19}, 1)


async def test_an_older_one_comes_late() -> None:
    """A callback that was overtaken by a newer one costs nothing and changes nothing."""
    async with world() as gateway:
        older = body_of(gateway, DEMO_PENDING)
        gateway.sandbox.scale.store.complete(DEMO_PENDING)
        await call_back(gateway, body_of(gateway, DEMO_PENDING))
        await settled(gateway)
        calls = reads(gateway)
        response = await call_back(gateway, older)
        await settled(gateway)
        data = await gateway.data(STATUS)
        later = reads(gateway)

    assert response.status_code == 200
    assert (data["task"]["status"], later) == ("COMPLETED", calls)


async def test_unknown_and_foreign_tasks() -> None:
    """A task that the account does not know is acknowledged, so that it is not sent again, and counted."""
    async with world() as gateway:
        response = await call_back(gateway, {"task_id": "5f0000000000000000000000", "response": {}, "task": {}})
        await settled(gateway)
        counted = await outcomes(gateway)

    assert response.status_code == 200
    assert counted == {"new": 1, "unknown": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"task_id": 5}',
        b'{"task_id": "a/b"}',
        b'{"task_id": "../x", "task": {}}',
        b'{"task_id": "a", "task": {"task_id": "b"}}',
        b"[" * 100_000,
    ],
)
async def test_malformed(body: bytes) -> None:
    """A body that names no task is refused, and nothing is read."""
    async with world() as gateway:
        response = await call_back(gateway, body)
        await settled(gateway)
        calls = reads(gateway)

    assert (response.status_code, calls) == (400, 0)


@pytest.mark.parametrize("declared", [True, False])
async def test_oversized(declared: bool) -> None:
    """A body over the limit is refused with 413, whether or not it tells its size."""
    body = b'{"task_id": "a", "padding": "' + b"x" * 2_000_000 + b'"}'

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    async with world() as gateway:
        headers = {"scale-callback-auth": CALLBACK_SECRET}
        response = await gateway.client.post("/webhooks/scale", content=body if declared else stream(), headers=headers)
        calls = reads(gateway)

    assert (response.status_code, calls) == (413, 0)


async def test_only_posted() -> None:
    """Other methods are not offered."""
    async with world() as gateway:
        response = await gateway.client.get("/webhooks/scale")

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


async def test_without_a_secret_there_is_no_webhook() -> None:
    """A gateway that was not given the secret takes no callback from anyone."""
    async with world(GATEWAY_SCALE__CALLBACK_SECRET="") as gateway:
        response = await call_back(gateway, {"task_id": "a"})

    assert response.status_code == 404


async def test_a_backend_that_fails_is_asked_again() -> None:
    """While the backend fails, a callback is kept, and followed when the backend is back."""
    async with world() as gateway:
        gateway.sandbox.scale.store.complete(DEMO_PENDING)
        gateway.sandbox.scale.faults.add(Fault(kind="status", status=500))
        await call_back(gateway, body_of(gateway, DEMO_PENDING))
        await settled(gateway)
        gateway.sandbox.scale.faults.clear()
        failed = reads(gateway)
        for _ in range(10):
            gateway.sandbox.scale.clock.advance(0.5)
            await settled(gateway)
        calls = reads(gateway)
        data = await gateway.data(STATUS)
        later = reads(gateway)

    assert data["task"]["status"] == "COMPLETED"
    assert calls > failed
    assert later == calls


async def test_a_backend_that_lags_is_asked_again() -> None:
    """A backend that does not show yet what the callback speaks of is asked again, and not for ever."""
    async with world() as gateway:
        body = body_of(gateway, DEMO_COMPLETED)
        moment = gateway.sandbox.scale.clock.now() + timedelta(days=1)
        body["task"] = {**body["task"], "updated_at": moment.isoformat()}
        await call_back(gateway, body)
        for _ in range(200):
            gateway.sandbox.scale.clock.advance(0.5)
            await settled(gateway)
        calls, counted = reads(gateway), await outcomes(gateway)

    assert calls == 5
    assert counted == {"new": 1, "unsettled": 1}


def test_the_secret_is_compared_whole() -> None:
    """Only the very secret opens, whatever its letters; a secret is never in a repr."""
    webhook = ScaleWebhook("sécret")

    assert webhook.is_authentic({"scale-callback-auth": "sécret".encode().decode("latin-1")})
    assert not webhook.is_authentic({"scale-callback-auth": "secret"})
    assert not webhook.is_authentic({})
    assert "cret" not in repr(webhook)


async def test_slow_bodies() -> None:
    """A body that dribbles in is 408 when its time is up, and taken for nothing; a forger is told at once."""
    taken: list[object] = []
    counted: list[str] = []

    def take(hint: object) -> Taken:
        taken.append(hint)
        return Taken.NEW

    endpoint = WebhookEndpoint(ScaleWebhook(CALLBACK_SECRET), take, counted.append, max_bytes=1000, body_s=0.3)
    app = Starlette(routes=[webhook_route(endpoint, "/webhooks/scale")])
    async with serving(app) as origin:
        slow, seconds = await _dribble(origin, CALLBACK_SECRET)
        forged, _ = await _dribble(origin, "wrong")

    assert slow.startswith(b"HTTP/1.1 408")
    assert 0.3 <= seconds < 3
    assert forged.startswith(b"HTTP/1.1 401")
    assert (taken, counted) == ([], ["forged"])


async def _dribble(origin: str, secret: str) -> tuple[bytes, float]:
    """Sends a callback's body byte by byte until an answer comes; the answer's beginning, and after how long."""
    started = asyncio.get_running_loop().time()
    host, port = origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /webhooks/scale HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\nscale-callback-auth: {secret}\r\n\r\n"
    writer.write(head.encode())
    answer = asyncio.ensure_future(reader.read(4096))
    while not answer.done():
        writer.write(b"{")
        await asyncio.wait({answer}, timeout=0.02)
    writer.close()
    return answer.result(), asyncio.get_running_loop().time() - started
