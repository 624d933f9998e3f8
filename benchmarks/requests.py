"""What one request costs in CPU inside the ASGI app, and what each lever saves: each is switched off alone.

python -m benchmarks.requests [--rounds N] [--profile WORKLOAD]

In process: no socket, no HTTP parser, the backend a dictionary. Log lines are made and written to nothing. Minima of
several rounds, all variants of a workload taking turns, since the machine is seldom quiet.
"""

import argparse
import asyncio
import cProfile
import hashlib
import io
import pstats
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from gateway.app import create_app
from gateway.log_lines import LogLines
from gateway.memory import settle_memory
from gateway.redaction import Redactor
from gateway.settings import Settings
from gateway.telemetry import JsonLines, set_up_logging
from schema.backend import Backend

KEY = "bench-key"
SINGLE = "query T($id: ID!) { task(by: {scaleTaskId: $id}) { id backend type status createdAt uniqueId } }"
LIST = (
    "query L($by: [TaskBy!]!) { lookupTasks(by: $by) "
    "{ ... on Task { id backend type status createdAt completedAt uniqueId tags } } }"
)
SINGLES = [orjson.dumps({"query": SINGLE, "variables": {"id": f"w{number}"}}) for number in range(100)]
LISTS = [orjson.dumps({"query": LIST, "variables": {"by": [{"scaleTaskId": f"w{number}"} for number in range(100)]}})]
REPEATS = {"single": 1000, "list": 100}
BODIES = {"single": SINGLES, "list": LISTS}


@dataclass(frozen=True)
class Variant:
    """The gateway with something switched off. `headers` change from request to request where `moves`."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    lines: bool = True
    moves: bool = False


VARIANTS = (
    Variant("everything on"),
    Variant("no log lines", lines=False),
    Variant("each request brings headers of its own", moves=True),
    Variant("answers not kept", {"GATEWAY_KEEP_ANSWERS": "false"}),
    Variant("graphql-core instead of plans", {"GATEWAY_KEEP_ANSWERS": "false", "GATEWAY_EXECUTION": "graphql-core"}),
)


class _Backend(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        task_id = request.url.path.rsplit("/", 1)[1]
        return httpx.Response(
            200,
            json={
                "task_id": task_id,
                "status": "completed",
                "type": "imageannotation",
                "created_at": "2026-03-01T10:20:30.456Z",
                "unique_id": f"uniq-{task_id}",
                "tags": ["a", "b", "c"],
                "params": {},
                "metadata": {},
            },
        )


class _Nowhere(io.BytesIO):
    def write(self, data: Any, /) -> int:
        return len(data)


def _app(variant: Variant) -> Any:
    hashed = hashlib.sha256(KEY.encode()).hexdigest()
    environment = {"GATEWAY_SCALE__API_KEY": "k", "GATEWAY_AUTH__API_KEYS": f"bench:{hashed}", **variant.environment}
    settings = Settings.from_env(environment)
    lines = JsonLines(LogLines(_Nowhere()), Redactor(settings.secrets())) if variant.lines else NoLines()
    return create_app(settings, wires={Backend.SCALE: _Backend()}, lines=lines)


class NoLines:
    def write(self, line: dict[str, object], event: str, level: str, logger: str, seconds: float) -> None:
        return


def asker(app: Any, *, moves: bool = False) -> Callable[[bytes], Any]:
    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"accept", b"application/json"),
        (b"authorization", f"Bearer {KEY}".encode()),
    ]
    answers: list[Any] = []
    numbers: Iterator[int] = iter(range(10**9))

    async def send(message: Any) -> None:
        answers[:] = (message,)

    async def ask(body: bytes) -> bytes:
        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        own = [(b"x-own", b"%d" % next(numbers))] if moves else []
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "headers": [*headers, *own, (b"content-length", b"%d" % len(body))],
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }
        await app(scope, receive, send)
        sent: bytes = answers[0]["body"]
        return sent

    return ask


async def _round(ask: Callable[[bytes], Any], workload: str) -> float:
    """Microseconds of CPU a request."""
    bodies, repeats = BODIES[workload], REPEATS[workload]
    began = time.process_time()
    for number in range(repeats):
        await ask(bodies[number % len(bodies)])
    return (time.process_time() - began) / repeats * 1e6


async def _warm(ask: Callable[[bytes], Any]) -> None:
    for _ in range(4):
        for body in (*SINGLES, *LISTS):
            answer = await ask(body)
            assert b"uniq-w" in answer, answer


async def _compare(rounds: int) -> None:
    async with AsyncExitStack() as stack:
        askers = []
        for variant in VARIANTS:
            app = _app(variant)
            await stack.enter_async_context(app.router.lifespan_context(app))
            askers.append(asker(app, moves=variant.moves))
            await _warm(askers[-1])
        settle_memory()
        best = {workload: [float("inf")] * len(VARIANTS) for workload in REPEATS}
        for _ in range(rounds):
            for workload, minima in best.items():
                for number, ask in enumerate(askers):
                    minima[number] = min(minima[number], await _round(ask, workload))
    print("| µs of CPU a request | single | list of 100 |\n|---|---:|---:|")
    for variant, single, listed in zip(VARIANTS, best["single"], best["list"], strict=True):
        print(f"| {variant.name} | {single:.0f} | {listed:.0f} |")


async def _profile(workload: str, variant: Variant) -> None:
    app = _app(variant)
    async with app.router.lifespan_context(app):
        ask = asker(app, moves=variant.moves)
        await _warm(ask)
        with cProfile.Profile() as profile:
            await _round(ask, workload)
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--profile", choices=tuple(REPEATS))
    parser.add_argument("--variant", type=int, default=0, help="which one to profile, by its row")
    options = parser.parse_args()
    set_up_logging("info", None)
    if not options.profile:
        asyncio.run(_compare(options.rounds))
    else:
        asyncio.run(_profile(options.profile, VARIANTS[options.variant]))


if __name__ == "__main__":
    main()
