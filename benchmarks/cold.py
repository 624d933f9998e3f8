"""What a cold task costs: look-ups of 50 tasks that nobody asked for before, from a backend that takes 20 ms.

python -m benchmarks.cold [--clients N] [--identical N] [--rounds N] [--profile]

With --identical N it is one task instead that N ask for at the same moment: one call, and when the last has its answer.
"""

import argparse
import asyncio
import cProfile
import hashlib
import itertools
import pstats
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import uvloop

from benchmarks.requests import KEY, LIST, SINGLE, NoLines, asker
from benchmarks.slow_backend import slow_backend
from gateway.app import create_app
from gateway.memory import settle_memory
from gateway.settings import Settings
from gateway.telemetry import set_up_logging

TASKS = 50
RECORD = (
    b'{"task_id":"%b","status":"completed","type":"imageannotation","created_at":"2026-03-01T10:20:30.456Z",'
    b'"unique_id":"uniq-%b","tags":["a","b","c"],"params":{"attachment":"https://example.com/%b.jpg","objects":"'
    + b"x" * 600
    + b'"},"metadata":{}}'
)


def _record(request: bytes) -> bytes:
    task_id = request.split(b" ", 2)[1].rsplit(b"/", 1)[1]
    return RECORD % (task_id, task_id, task_id)


async def _ask(ask: Callable[[bytes], Any], seeds: "itertools.count[int]") -> float:
    """Milliseconds until one look-up of cold tasks was answered."""
    seed = next(seeds)
    by = [{"scaleTaskId": f"c{seed}x{number}"} for number in range(TASKS)]
    body = orjson.dumps({"query": LIST, "variables": {"by": by}})
    began = time.perf_counter()
    answer = await ask(body)
    assert answer.count(b"uniq-c") == TASKS, answer[:500]
    return (time.perf_counter() - began) * 1e3


async def _ask_at_once(askers: Sequence[Callable[[bytes], Any]], seeds: "itertools.count[int]") -> float:
    """Milliseconds until the last of many had the answer to the same question for one cold task."""
    body = orjson.dumps({"query": SINGLE, "variables": {"id": f"b{next(seeds)}"}})
    began = time.perf_counter()
    answers = await asyncio.gather(*(ask(body) for ask in askers))
    assert all(b"uniq-b" in answer for answer in answers), answers[0][:500]
    return (time.perf_counter() - began) * 1e3


async def _measure(port: int, clients: int, rounds: int, *, identical: bool, profiles: bool) -> None:
    settings = Settings.from_env(
        {
            "GATEWAY_SCALE__API_KEY": "k",
            "GATEWAY_SCALE__BASE_URL": f"http://127.0.0.1:{port}/v1",
            "GATEWAY_SCALE__MAX_CONCURRENCY": "512",
            "GATEWAY_AUTH__API_KEYS": f"bench:{hashlib.sha256(KEY.encode()).hexdigest()}",
        }
    )
    app = create_app(settings, lines=NoLines())
    seeds = itertools.count()
    async with app.router.lifespan_context(app):
        askers = [asker(app) for _ in range(clients)]
        tasks = 1 if identical else TASKS
        walls, costs = [], []
        profile = cProfile.Profile()
        for number in range(rounds + 3):
            if number == 3:  # the first rounds open the connections
                settle_memory()
                if profiles:
                    profile.enable()
            began = time.process_time()
            if identical:
                found = [await _ask_at_once(askers, seeds)]
            else:
                found = await asyncio.gather(*(_ask(ask, seeds) for ask in askers))
            if number >= 3:
                walls += found
                costs.append((time.process_time() - began) / (clients * tasks) * 1e6)
        profile.disable()
    what = "last of all has the same cold task" if identical else "look-up of 50 cold tasks"
    print(f"| clients | {what}, p50 ms | least ms | least CPU µs a task asked for |\n|---:|---:|---:|---:|")
    print(f"| {clients} | {statistics.median(walls):.1f} | {min(walls):.1f} | {min(costs):.0f} |")
    if profiles:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--identical", type=int)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    set_up_logging("warning", None)
    with slow_backend(_record) as port:
        uvloop.run(
            _measure(
                port,
                options.identical or options.clients,
                options.rounds,
                identical=options.identical is not None,
                profiles=options.profile,
            )
        )


if __name__ == "__main__":
    main()
