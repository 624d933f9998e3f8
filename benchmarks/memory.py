"""How much memory the gateway keeps: distinct tasks through a bounded cache, heavy records, minutes of mixed load.

.venv/bin/python -m benchmarks.memory distinct [--tasks 200000] [--max-tasks 50000]
.venv/bin/python -m benchmarks.memory heavy [--records 1000]
.venv/bin/python -m benchmarks.memory mixed [--seconds 300]
"""

import argparse
import asyncio
import gc
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.app import create_app
from gateway.backends.transport import in_process
from gateway.settings import Settings
from schema.backend import Backend

QUERY = "query($by: [TaskBy!]!) { lookupTasks(by: $by) { ... on Task { status isStale uniqueId tags } } }"
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mb() -> float:
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6


def vendor(padding: int, chance: random.Random | None = None) -> Starlette:
    """Scale with any task one asks for: a record of about 1 KB and `padding` more, kept nowhere.

    With `chance` one call in twenty fails and one task in fifty is unknown.
    """

    async def task(request: Request) -> Response:
        if chance is not None and chance.random() < 0.05:
            return Response(b"{}", 503)
        task_id = request.path_params["task_id"]
        if chance is not None and hash(task_id) % 50 == 0:
            return Response(b"{}", 404)
        return Response(record(task_id, padding), media_type="application/json")

    return Starlette(routes=[Route("/v1/task/{task_id}", task)])


def record(task_id: str, padding: int) -> bytes:
    now = datetime.now(UTC).isoformat()
    return orjson.dumps(
        {
            "task_id": task_id,
            "status": "pending",
            "type": "imageannotation",
            "instruction": "Draw a box around each vehicle. " * 8,
            "project": "driving",
            "batch": "week-12",
            "unique_id": f"s3://bucket/{task_id}.png",
            "tags": ["night", "rain"],
            "created_at": now,
            "updated_at": now,
            "params": {"attachment": f"https://files/{task_id}.png", "objects_to_annotate": ["car", "bus", "truck"]},
            "metadata": {"campaignId": "c", "sceneId": task_id, "padding": "x" * padding},
        }
    )


async def ask(client: httpx.AsyncClient, ids: list[str], headers: dict[str, str] | None = None) -> dict[str, Any]:
    variables = {"by": [{"scaleTaskId": task_id} for task_id in ids]}
    response = await client.post("/graphql", json={"query": QUERY, "variables": variables}, headers=headers)
    answer: dict[str, Any] = response.json()
    return answer


class Gateway:
    """A gateway over that vendor, and a client in front of it."""

    def __init__(self, app: Starlette, **environment: str) -> None:
        account = {"GATEWAY_SCALE__API_KEY": "key", "GATEWAY_SCALE__BASE_URL": "http://scale/v1"}
        env = {**account, "GATEWAY_AUTH__ANONYMOUS": "read", **environment}
        self.app = create_app(Settings.from_env(env), wires={Backend.SCALE: in_process(app)})
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://gateway")

    async def run(self, work: Callable[[httpx.AsyncClient], Any]) -> None:
        async with self.app.router.lifespan_context(self.app), self.client:
            await work(self.client)


async def distinct(tasks: int, max_tasks: int) -> None:
    """Reads every task once; the cache is bounded."""
    gateway = Gateway(vendor(0), GATEWAY_CACHE__MAX_TASKS=str(max_tasks))
    before_mb = resident_mb()

    async def work(client: httpx.AsyncClient) -> None:
        print(f"before: {before_mb:.0f} MB resident; one record: {len(record('t' * 24, 0)):,} bytes")
        for start in range(0, tasks, 100):
            await ask(client, [f"task-{number:019d}" for number in range(start, start + 100)])
            if (start + 100) % (tasks // 8) == 0:
                print(f"{start + 100:>9,} tasks read: {resident_mb():.0f} MB resident", flush=True)

    await gateway.run(work)


async def heavy(records: int) -> None:
    """Reads records of 1 MB; the cache is bounded at 64 MiB."""
    gateway = Gateway(vendor(1_000_000), GATEWAY_CACHE__MAX_BYTES=str(64 * 1024 * 1024))
    before_mb = resident_mb()

    async def work(client: httpx.AsyncClient) -> None:
        print(f"before: {before_mb:.0f} MB resident; MAX_BYTES: 67 MB")
        for number in range(records):
            await ask(client, [f"heavy-{number}"])
            if (number + 1) % (records // 5) == 0:
                gc.collect()
                print(f"{number + 1:>9,} records of 1 MB read: {resident_mb():.0f} MB resident", flush=True)

    await gateway.run(work)


async def mixed(seconds: float) -> None:
    """Watched and cold tasks, unknown ones, failing calls, requests without the cache, cancelled ones."""
    gateway = Gateway(vendor(0, random.Random(1)), GATEWAY_CACHE__MAX_TASKS="5000")
    chance = random.Random(2)

    async def work(client: httpx.AsyncClient) -> None:
        started = next_report_at = time.monotonic()
        asked = 0
        while (now := time.monotonic()) < started + seconds:
            kind = chance.random()
            ids = [f"watched-{chance.randrange(2000)}" for _ in range(10)]
            if kind < 0.3:
                ids = [f"cold-{asked}-{number}" for number in range(10)]
            asking = asyncio.ensure_future(ask(client, ids, {"cache-control": "no-cache"} if kind > 0.9 else None))
            if kind > 0.97:
                await asyncio.sleep(0.001)
                asking.cancel()
            await asyncio.wait([asking])
            asked += 1
            if now >= next_report_at:
                next_report_at += seconds / 10
                gc.collect()
                print(f"{now - started:>6.0f} s, {asked:>8,} requests: {resident_mb():.1f} MB resident", flush=True)
            await asyncio.sleep(0.005)
        gc.collect()
        print(f"{seconds:>6.0f} s, {asked:>8,} requests: {resident_mb():.1f} MB resident")

    await gateway.run(work)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["distinct", "heavy", "mixed"])
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--max-tasks", type=int, default=50_000)
    parser.add_argument("--records", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300)
    arguments = parser.parse_args()
    if arguments.what == "distinct":
        asyncio.run(distinct(arguments.tasks, arguments.max_tasks))
    elif arguments.what == "heavy":
        asyncio.run(heavy(arguments.records))
    else:
        asyncio.run(mixed(arguments.seconds))
