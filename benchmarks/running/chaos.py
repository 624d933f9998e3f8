"""Chaos: vendors that fail in every way, and a Redis that dies or hangs again and again, while all is checked."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from benchmarks.running.backends import Backends, backends
from benchmarks.running.judge import QUERY, Judge, unexpected
from benchmarks.running.load import Client, at_rate, session
from benchmarks.running.processes import Process, Redis, gateways, redis
from benchmarks.running.tables import Finding
from gateway.sandbox.faults import Fault

_FRESH_S = 2.0
_TIMEOUT_S = 2.0
_SLACK_S = 0.5
# Of each of two replicas: what one reads the other answers.
_OPERATIONS_A_SECOND = 10.0
_MOVES_A_SECOND = 20.0
_SCENES = 60

_SETTINGS = {
    "GATEWAY_FRESHNESS__OPEN_S": str(_FRESH_S),
    "GATEWAY_FRESHNESS__SETTLED_S": str(_FRESH_S),
    "GATEWAY_SCALE__TIMEOUT_S": str(_TIMEOUT_S),
    "GATEWAY_ROSETTA__TIMEOUT_S": str(_TIMEOUT_S),
}

_TROUBLES = (
    Fault("status", 500, probability=0.05),
    Fault("status", 503, retry_after=1, probability=0.03),
    Fault("status", 429, retry_after=1, probability=0.02),
    Fault("hang", probability=0.01),
    Fault("drop", probability=0.03),
    Fault("half", probability=0.03),
    Fault("malformed", probability=0.02),
    Fault("malformed", body=b"{}", probability=0.01),
    Fault("malformed", body=b'{"status": "compl\xff', probability=0.01),
    Fault("html", probability=0.02),
    Fault("slow", seconds=0.5, probability=0.05),
    Fault("slow_after", seconds=0.5, probability=0.05),
)


async def chaos(seconds: float) -> Finding:
    """Everything goes wrong; no answer is wrong, nothing breaks, nothing leaks."""
    finding = Finding("Chaos", ("what", "count"))
    async with redis() as cache, backends() as emulated:
        emulated.watch_over_scenes(_SCENES)
        judge = Judge(emulated.history, emulated.task_ids, fresh_s=_FRESH_S, reading_s=_TIMEOUT_S, slack_s=_SLACK_S)
        more = {**emulated.environment, **_SETTINGS, "GATEWAY_CACHE__URL": cache.url}
        async with gateways(2, more) as replicas:
            await _ask(replicas, emulated, 3)
            usages = [_usages(replicas)]
            async with _troubles(emulated, cache, seconds) as losses:
                for _ in range(2):
                    await _ask(replicas, emulated, seconds / 2, judge)
                    usages.append(_usages(replicas))
            # What was given up may still be under way.
            await asyncio.sleep(_TIMEOUT_S + 1)
            usages.append(_usages(replicas))
            logged = [line for replica in replicas for line in unexpected(replica.log)]
    finding.rows += sorted(judge.seen.items())
    finding.rows += [
        ("status changes", sum(len(changes) - 1 for changes in emulated.history.changes.values())),
        *sorted(losses.items()),
        ("wrong answers", len(judge.wrong)),
        ("unexpected lines logged", len(logged)),
    ]
    finding.expect(not judge.wrong, f"{len(judge.wrong)} wrong answers, such as {judge.wrong[:3]}")
    for kind in ("Scale: fresh", "Scale: stale", "Rosetta: fresh", "Rosetta: stale"):
        finding.expect(judge.seen[kind] > 0, f"the check saw none of {kind}")
    finding.expect(losses["Redis kills"] > 0, "Redis was never killed")
    finding.expect(not logged, f"{len(logged)} unexpected lines in the log, such as {logged[:3]}")
    for number in range(len(replicas)):
        _judge_usage(finding, number, [usage[number] for usage in usages])
    return finding


async def _ask(replicas: Sequence[Process], emulated: Backends, seconds: float, judge: Judge | None = None) -> None:
    names = [*emulated.task_ids[:_SCENES], *emulated.scene_ids]
    hear = None if judge is None else judge.hear
    async with session() as http:
        clients = [Client(http, each.origin, names, selector=emulated.selector, query=QUERY) for each in replicas]
        await asyncio.gather(*(at_rate(client, _OPERATIONS_A_SECOND, seconds, hear=hear) for client in clients))


def _usages(replicas: Sequence[Process]) -> list[tuple[float, int]]:
    return [replica.usage() for replica in replicas]


def _judge_usage(finding: Finding, number: int, usages: Sequence[tuple[float, int]]) -> None:
    memory, descriptors = ([round(each) for each in kind] for kind in zip(*usages, strict=True))
    when = f"replica {number + 1}, before, half way, at the end, afterwards"
    finding.rows.append((f"memory MB of {when}", ", ".join(map(str, memory))))
    finding.rows.append((f"descriptors of {when}", ", ".join(map(str, descriptors))))
    # The first half fills caches and pools.
    finding.expect(memory[-1] < memory[1] * 1.15 + 10, f"memory grew from {memory[1]} to {memory[-1]} MB")
    finding.expect(
        descriptors[-1] <= descriptors[0] + 20, f"descriptors grew from {descriptors[0]} to {descriptors[-1]}"
    )


@asynccontextmanager
async def _troubles(emulated: Backends, cache: Redis, seconds: float) -> AsyncIterator[Counter[str]]:
    """Vendors that fail, tasks that move, a Redis that is lost; gives how often it was, and how."""
    losses = Counter[str]()
    both = (emulated.sandbox.scale.faults, emulated.sandbox.rosetta.faults)
    for faults in both:
        for trouble in _TROUBLES:
            faults.add(trouble)
    running = [
        asyncio.create_task(emulated.keep_moving(_MOVES_A_SECOND)),
        asyncio.create_task(_lose_again_and_again(cache, seconds, losses)),
    ]
    try:
        yield losses
        for task in running:
            if task.done():
                task.result()  # raises what ended it: it was to go on
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        for faults in both:
            faults.clear()


async def _lose_again_and_again(cache: Redis, seconds: float, losses: Counter[str]) -> None:
    """Kills it, or stops it in the middle of what it does: then it goes on later with all that it has been sent."""
    chance = random.Random(3)
    longest = max(1.0, min(20.0, seconds / 4))
    while True:
        for loss, lose, get_back in (
            ("Redis kills", cache.kill, cache.start),
            ("Redis hangs", cache.freeze, cache.thaw),
        ):
            await asyncio.sleep(chance.uniform(0.5, longest))
            await lose()
            losses[loss] += 1
            await asyncio.sleep(chance.uniform(0.2, longest / 4))
            await get_back()
