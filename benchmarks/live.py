"""Subscriptions under load: python -m benchmarks.live

The gateway runs in a process of its own; emulators and listeners are in this one. Measured: from Scale's callback to
the last and the median of 100 listeners, and 1,000 listeners on 200 tasks of a backend that takes 50 ms.
"""

import asyncio
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.app import create_app
from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale.callbacks import httpx_deliver
from gateway.sandbox.scale.seed import DEMO_PENDING
from gateway.settings import Settings
from gateway.telemetry import set_up_logging
from tests.gateway.live_world import Subscriber, serving, subscriber

_PROBE_S = 0.005


class Probe:
    """How late the event loop wakes a task that sleeps 5 ms: what every other task waits as well."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def run(self) -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(_PROBE_S)
            self.late_ms.append((time.perf_counter() - started - _PROBE_S) * 1000)

    def report(self) -> dict[str, float]:
        """The lateness since the last report, and the process's memory and tasks."""
        late = sorted(self.late_ms)
        gc.collect()
        # Collecting held up the loop just now: that is this report's doing.
        asyncio.get_running_loop().call_later(0.1, self.late_ms.clear)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return {
            "lag_p99_ms": late[int(len(late) * 0.99)] if late else 0.0,
            "lag_max_ms": late[-1] if late else 0.0,
            "rss_mib": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            "tasks": len(asyncio.all_tasks()),
            "objects": len(gc.get_objects()),
        }


async def serve() -> None:
    """The measured process: prints its address, then a report for every line it reads."""
    settings = Settings.from_env(os.environ)
    set_up_logging("warning", None, settings.secrets())
    probe = Probe()
    probing = asyncio.create_task(probe.run())
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with serving(create_app(settings), settings) as origin:
        print(origin, flush=True)
        while await reader.readline():
            print(json.dumps(probe.report()), flush=True)
    probing.cancel()


@dataclass
class Measured:
    """The gateway's process, and the emulators behind it."""

    sandbox: DemoSandbox
    process: asyncio.subprocess.Process
    origin: str

    @property
    def socket_url(self) -> str:
        return self.origin.replace("http", "ws", 1) + "/graphql"

    async def report(self) -> dict[str, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"report\n")
        report: dict[str, float] = json.loads(await self.process.stdout.readline())
        return report


@asynccontextmanager
async def measured(**environment: str) -> AsyncIterator[Measured]:
    """A running gateway process over emulators served here."""
    sandbox = DemoSandbox(SandboxClock())
    async with AsyncExitStack() as stack:
        scale = await stack.enter_async_context(serving(sandbox.scale.app))
        rosetta = await stack.enter_async_context(serving(sandbox.rosetta.app))
        addresses = {
            "GATEWAY_SCALE__BASE_URL": f"{scale}/v1",
            "GATEWAY_ROSETTA__BASE_URL": f"{rosetta}/rosetta-open",
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.live", "serve"),
            env={**os.environ, **DEMO_ENVIRONMENT, **addresses, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            yield Measured(sandbox, process, (await process.stdout.readline()).decode().strip())
        finally:
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()


async def callback_latency(rounds: int = 20, listeners: int = 100) -> dict[str, float]:
    """Milliseconds from the moment a callback is sent to the median and the last listener's hearing of the change."""

    medians: list[float] = []
    lasts: list[float] = []
    async with measured() as gateway, AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        gateway.sandbox.scale.callbacks.deliver = httpx_deliver(client)
        gateway.sandbox.scale.store.patch(DEMO_PENDING, callback_url=f"{gateway.origin}/webhooks/scale", touch=False)
        sockets = [await stack.enter_async_context(subscriber(gateway.socket_url)) for _ in range(listeners)]
        for one in sockets:
            await one.watch({"scaleTaskId": DEMO_PENDING})
            await one.change()
        for number in range(rounds):
            move = gateway.sandbox.scale.store.recall if number % 2 else gateway.sandbox.scale.store.complete
            move(DEMO_PENDING)
            started = time.perf_counter()
            hearing = [asyncio.create_task(_heard_at(one)) for one in sockets]
            await gateway.sandbox.scale.deliver_callbacks()
            seconds = [at - started for at in await asyncio.gather(*hearing)]
            medians.append(statistics.median(seconds) * 1000)
            lasts.append(max(seconds) * 1000)
    return {"median_ms": statistics.median(medians), "last_ms": statistics.median(lasts), "worst_ms": max(lasts)}


async def _heard_at(one: Subscriber) -> float:
    await one.change()
    return time.perf_counter()


async def many_listeners(sockets: int = 50, per_socket: int = 20, tasks: int = 200, waves: int = 10) -> dict[str, Any]:
    """1,000 listeners on 200 tasks come, watch for 3 s while tasks change, and go: once to warm up, then 9 times."""
    async with measured(GATEWAY_LIMITS__SOCKETS="200") as gateway:
        gateway.sandbox.scale.faults.latency_s = 0.05
        store = gateway.sandbox.scale.store
        ids = [row.task_id for row in store.tasks() if row.record["status"] == "pending"][:tasks]
        during, after = [], []
        calls = 0
        for wave in range(waves):
            if wave == 1:
                calls = len(gateway.sandbox.scale.faults.recorder)
            during.append(await _come_and_go(gateway, ids, sockets, per_socket, 3))
            await asyncio.sleep(1.5)
            after.append(await gateway.report())
            await asyncio.sleep(0.3)
        return {
            "calls_a_wave": (len(gateway.sandbox.scale.faults.recorder) - calls) / (waves - 1),
            **{f"{name}_during": [round(report[name], 1) for report in during[1:]] for name in during[0]},
            **{f"{name}_after": [round(report[name], 1) for report in after] for name in after[0]},
        }


async def _come_and_go(
    gateway: Measured, ids: list[str], sockets: int, per_socket: int, seconds: float
) -> dict[str, float]:
    store = gateway.sandbox.scale.store
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(subscriber(gateway.socket_url)) for _ in range(sockets)]
        for number, one in enumerate(clients):
            for n in range(per_socket):
                await one.watch({"scaleTaskId": ids[(number * per_socket + n) % len(ids)]})
        await asyncio.gather(*(_take(one, per_socket) for one in clients))
        ends_at = time.monotonic() + seconds
        taking = [asyncio.create_task(_take(one, None)) for one in clients]
        while time.monotonic() < ends_at:
            store.patch(ids[int(time.monotonic() * 10) % len(ids)], priority=int(time.monotonic() * 10))
            await asyncio.sleep(0.1)
        for task in taking:
            task.cancel()
        await asyncio.wait(taking)
        return await gateway.report()


async def _take(one: Subscriber, count: int | None) -> None:
    taken = 0
    while count is None or taken < count:
        await one.change(60)
        taken += 1


async def _main() -> None:
    print("callback to 100 listeners:", json.dumps(await callback_latency()))
    print("1,000 listeners on 200 tasks:", json.dumps(await many_listeners()))


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else _main())
