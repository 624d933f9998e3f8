"""Dashboards poll 1, 100 and 10,000 tasks through the gateway; the emulator answers after 50 ms.

Nine tenths of the tasks are completed, the rest pending. After a first round that asks for all of them, each client
asks for a page of at most 100, and for another one a second after its answer. One table: calls of the first round,
task reads asked for since, those that failed, calls that the backend saw, calls saved, hit ratio (tasks answered from
what was read before the request came), share of them stale, and latency percentiles of whole pages. Gateway, emulator
and clients share one process and one core: latencies are of that.

    .venv/bin/python -m benchmarks.polling [--seconds 60] [--clients 20]
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
    first_calls: int = 0
    calls: int = 0
    reads: int = 0
    failed: int = 0
    hits: int = 0
    stale: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, tasks: list[dict[str, Any]], asked_at: datetime, seconds: float) -> None:
        """Notes one page's answer."""
        self.reads += len(tasks)
        found = [task for task in tasks if task]
        self.failed += len(tasks) - len(found)
        self.hits += sum(datetime.fromisoformat(task["fetchedAt"]) < asked_at for task in found)
        self.stale += sum(task["isStale"] for task in found)
        self.latencies_ms.append(seconds * 1000)

    def __str__(self) -> str:
        latencies_ms = sorted(self.latencies_ms)
        p50, p95, p99, most = (latencies_ms[int(share * (len(latencies_ms) - 1))] for share in (0.5, 0.95, 0.99, 1))
        saved = 1 - self.calls / self.reads
        return (
            f"{self.watched:>8,} {self.first_calls:>7,} {self.reads:>10,} {self.failed:>7,} {self.calls:>8,}"
            f" {saved:>8.2%} {self.hits / self.reads:>8.2%} {self.stale / self.reads:>8.2%}"
            f" {p50:>8.1f} {p95:>8.1f} {p99:>8.1f} {most:>8.1f}"
        )


async def measure(watched: int, clients: int, seconds: float) -> Row:
    """Polls `watched` tasks with `clients` clients."""
    sandbox = ScaleSandbox(SandboxClock(), api_key=KEY)
    statuses = ["pending", *["completed"] * 9]
    ids = [sandbox.store.add_task(status=statuses[number % 10]).task_id for number in range(watched)]
    sandbox.faults.latency_s = LATENCY_S
    settings = Settings.from_env(
        {"GATEWAY_SCALE__API_KEY": KEY, "GATEWAY_SCALE__BASE_URL": "http://scale/v1", "GATEWAY_AUTH__ANONYMOUS": "read"}
    )
    app = create_app(settings, wires={Backend.SCALE: in_process(sandbox.app)})
    pages = [ids[start : start + PAGE] for start in range(0, watched, PAGE)]
    row = Row(watched)

    async def ask(client: httpx.AsyncClient, page: list[str]) -> list[dict[str, Any]]:
        variables = {"by": [{"scaleTaskId": task_id} for task_id in page]}
        answer = (await client.post("/graphql", json={"query": QUERY, "variables": variables})).json()
        tasks: list[dict[str, Any]] = (answer.get("data") or {}).get("lookupTasks") or [{}] * len(page)
        return tasks

    async def poll(client: httpx.AsyncClient, chance: random.Random, ends_at: float) -> None:
        await asyncio.sleep(chance.random())
        while (started := time.perf_counter()) < ends_at:
            asked_at = datetime.now(UTC)
            row.add(await ask(client, chance.choice(pages)), asked_at, time.perf_counter() - started)
            await asyncio.sleep(1)

    front = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")
    async with app.router.lifespan_context(app), front as client:
        for page in pages:
            await ask(client, page)
        row.first_calls = len(sandbox.faults.recorder)
        sandbox.faults.recorder.clear()
        ends_at = time.perf_counter() + seconds
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(poll(client, random.Random(number), ends_at))
    row.calls = len(sandbox.faults.recorder)
    return row


async def main(seconds: float, clients: int) -> None:
    print(f"{clients} clients, {seconds:g} s each, backend answers after {LATENCY_S * 1000:g} ms; latencies in ms")
    print(" watched   first task reads  failed    calls    saved     hits    stale      p50      p95      p99      max")
    for watched in (1, 100, 10_000):
        print(await measure(watched, clients, seconds), flush=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=20)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.seconds, arguments.clients))
