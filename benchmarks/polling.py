"""Dashboards poll 1, 100 and 10,000 tasks through the gateway; the emulator answers after 50 ms.

Each client asks for a page of at most 100 of the watched tasks, and for another one 50 ms after its answer. One table:
task reads asked for, calls that the backend saw, calls saved, hit ratio (tasks answered from what was read before the
request came), share of them stale, and latency percentiles of whole pages.

    .venv/bin/python -m benchmarks.polling [--seconds 30] [--clients 50]
"""

import argparse
import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog

from gateway.app import create_app
from gateway.backends.transport import in_process
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale import ScaleSandbox
from gateway.settings import Settings
from schema.backend import Backend

KEY = "test_benchmark_key"
LATENCY_S = 0.05
QUERY = "query($by: [TaskBy!]!) { lookupTasks(by: $by) { ... on Task { status isStale fetchedAt } } }"
PAGE = 100


@dataclass
class Row:
    """What one audience cost."""

    watched: int
    calls: int = 0
    reads: int = 0
    hits: int = 0
    stale: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, tasks: list[dict[str, Any]], asked_at: datetime, seconds: float) -> None:
        """Notes one page's answer."""
        self.reads += len(tasks)
        self.hits += sum(datetime.fromisoformat(task["fetchedAt"]) < asked_at for task in tasks)
        self.stale += sum(task["isStale"] for task in tasks)
        self.latencies_ms.append(seconds * 1000)

    def __str__(self) -> str:
        latencies_ms = sorted(self.latencies_ms)
        p50, p95, p99, most = (latencies_ms[int(share * (len(latencies_ms) - 1))] for share in (0.5, 0.95, 0.99, 1))
        return (
            f"{self.watched:>8,} {self.reads:>10,} {self.calls:>8,} {1 - self.calls / self.reads:>8.2%}"
            f" {self.hits / self.reads:>8.2%} {self.stale / self.reads:>8.2%}"
            f" {p50:>8.1f} {p95:>8.1f} {p99:>8.1f} {most:>8.1f}"
        )


async def measure(watched: int, clients: int, seconds: float) -> Row:
    """Polls `watched` tasks with `clients` clients."""
    sandbox = ScaleSandbox(SandboxClock(), api_key=KEY)
    ids = [sandbox.store.add_task().task_id for _ in range(watched)]
    sandbox.faults.latency_s = LATENCY_S
    settings = Settings.from_env({"GATEWAY_SCALE__API_KEY": KEY, "GATEWAY_SCALE__BASE_URL": "http://scale/v1"})
    app = create_app(settings, wires={Backend.SCALE: in_process(sandbox.app)})
    pages = [ids[start : start + PAGE] for start in range(0, watched, PAGE)]
    row = Row(watched)
    ends_at = time.perf_counter() + seconds

    async def poll(client: httpx.AsyncClient, chance: random.Random) -> None:
        while (started := time.perf_counter()) < ends_at:
            asked_at = datetime.now(UTC)
            variables = {"by": [{"scaleTaskId": task_id} for task_id in chance.choice(pages)]}
            answer = (await client.post("/graphql", json={"query": QUERY, "variables": variables})).json()
            row.add(answer["data"]["lookupTasks"], asked_at, time.perf_counter() - started)
            await asyncio.sleep(0.05)

    front = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")
    async with app.router.lifespan_context(app), front as client, asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(poll(client, random.Random(number)))
    row.calls = len(sandbox.faults.recorder)
    return row


async def main(seconds: float, clients: int) -> None:
    print(f"{clients} clients, {seconds:g} s each, backend answers after {LATENCY_S * 1000:g} ms; latencies in ms")
    print(" watched task reads    calls    saved     hits    stale      p50      p95      p99      max")
    for watched in (1, 100, 10_000):
        print(await measure(watched, clients, seconds), flush=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=50)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.seconds, arguments.clients))
