"""Two gateways, each a process of its own, on one real Redis: who watches, who hears, and what outlives whom."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.demo import CALLBACK_SECRET, ROSETTA_ACCESS_KEY, ROSETTA_SECRET_KEY, SCALE_KEY, DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST, DEMO_SCENE
from gateway.sandbox.scale.seed import DEMO_PENDING
from tests.execution import ENVIRONMENT
from tests.gateway.live_world import serving, subscriber
from tests.redis_server import RedisServer, redis_server
from tests.waiting import until, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.redis, pytest.mark.alone]

# A process that has to compile all it imports, on a machine that is busy with other tests.
_START_S = 90

ROOT = Path(__file__).parents[2]
PENDING = {"scaleTaskId": DEMO_PENDING}
SCENE = {"rosetta": {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": DEMO_SCENE}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


@dataclass
class Replica:
    """`task-gateway serve` in a process of its own."""

    process: asyncio.subprocess.Process
    origin: str

    @property
    def socket_url(self) -> str:
        return self.origin.replace("http", "ws", 1) + "/graphql"

    async def call_back(self, task_id: str) -> int:
        """Scale's callback arrives here. Returns the status it is answered with."""
        headers = {"scale-callback-auth": CALLBACK_SECRET}
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{self.origin}/webhooks/scale"
            return (await client.post(url, json={"task_id": task_id}, headers=headers)).status_code


@dataclass
class Pair:
    """Two replicas over the same emulators."""

    sandbox: DemoSandbox
    one: Replica
    other: Replica

    def rosetta_calls(self) -> int:
        return len(self.sandbox.rosetta.faults.recorder)


@asynccontextmanager
async def pair(redis_url: str) -> AsyncIterator[Pair]:
    """Two running replicas that watch every second or two."""
    sandbox = DemoSandbox(SandboxClock())
    async with AsyncExitStack() as stack:
        scale = await stack.enter_async_context(serving(sandbox.scale.app))
        rosetta = await stack.enter_async_context(serving(sandbox.rosetta.app))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
            "GATEWAY_CACHE__URL": redis_url,
            "GATEWAY_SCALE__API_KEY": SCALE_KEY,
            "GATEWAY_SCALE__BASE_URL": f"{scale}/v1",
            "GATEWAY_SCALE__CALLBACK_SECRET": CALLBACK_SECRET,
            "GATEWAY_ROSETTA__BASE_URL": f"{rosetta}/rosetta-open",
            "GATEWAY_ROSETTA__ACCESS_KEY": ROSETTA_ACCESS_KEY,
            "GATEWAY_ROSETTA__SECRET_KEY": ROSETTA_SECRET_KEY,
            "GATEWAY_AUTH__ANONYMOUS": "read+write",
            "GATEWAY_WATCH__MIN_S": "1",
            "GATEWAY_WATCH__MAX_S": "2",
        }
        one, other = [await stack.enter_async_context(_replica(environment)) for _ in range(2)]
        yield Pair(sandbox, one, other)


@asynccontextmanager
async def _replica(environment: dict[str, str]) -> AsyncIterator[Replica]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway", "serve"),
        cwd=ROOT,
        env={**environment, **ENVIRONMENT, "GATEWAY_PORT": str(port)},
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def answers() -> bool:
        assert process.returncode is None
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until_async(answers, _START_S)
        yield Replica(process, f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.timeout(300)
async def test_one_watches_and_the_other_takes_over(server: RedisServer) -> None:
    """One replica asks for both; when it is killed the other asks within 30 s, and its listeners miss nothing."""
    async with (
        pair(server.url) as gateways,
        subscriber(gateways.one.socket_url) as leader,
        subscriber(gateways.other.socket_url) as client,
    ):
        store = gateways.sandbox.rosetta.store
        await leader.watch(SCENE)
        await leader.change()
        await asyncio.sleep(0.5)
        await client.watch(SCENE)
        await client.change()
        before, started = gateways.rosetta_calls(), time.monotonic()
        await until(lambda: gateways.rosetta_calls() - before >= 4, 30)
        seconds_of_four = time.monotonic() - started
        store.set_status(DEMO_REQUEST, DEMO_SCENE, 8)
        shared = [await leader.change(), await client.change()]

        gateways.one.process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        store.set_status(DEMO_REQUEST, DEMO_SCENE, 11)
        last = await client.change(30)
        seconds = time.monotonic() - killed

    assert seconds_of_four > 2.5, "both replicas asked"
    assert [change["task"]["status"] for change in shared] == ["IN_QC", "IN_QC"]
    assert last["task"]["status"] == "COMPLETED"
    assert seconds < 30


@pytest.mark.timeout(300)
async def test_a_webhook_at_one_is_heard_at_the_other(server: RedisServer) -> None:
    """A callback reaches the other replica's listeners within a second, also after Redis was killed and started.

    While Redis is down each replica watches for itself.
    """
    async with (
        pair(server.url) as gateways,
        subscriber(gateways.one.socket_url) as one,
        subscriber(gateways.other.socket_url) as other,
    ):
        store = gateways.sandbox.rosetta.store
        for client in (one, other):
            await client.watch(SCENE, PENDING)
            await client.change()
            await client.change()
        gateways.sandbox.scale.store.fail(DEMO_PENDING)
        called = time.monotonic()
        assert await gateways.one.call_back(DEMO_PENDING) == 200
        at_first = [await other.change(), await one.change()]
        seconds = time.monotonic() - called

        server.kill()
        store.set_status(DEMO_REQUEST, DEMO_SCENE, 8)
        while_down = [await one.change(), await other.change()]
        server.start()
        store.set_status(DEMO_REQUEST, DEMO_SCENE, 11)
        when_back = [await one.change(), await other.change()]
        gateways.sandbox.scale.store.complete(DEMO_PENDING)
        await gateways.one.call_back(DEMO_PENDING)
        called_back = [await one.change(), await other.change()]

    assert [change["task"]["status"] for change in at_first] == ["FAILED", "FAILED"]
    assert seconds < 1
    assert [change["task"]["status"] for change in while_down] == ["IN_QC", "IN_QC"]
    assert [change["task"]["status"] for change in when_back] == ["COMPLETED", "COMPLETED"]
    assert [change["task"]["scaleTaskId"] for change in called_back] == [DEMO_PENDING, DEMO_PENDING]
