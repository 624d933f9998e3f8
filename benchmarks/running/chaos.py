"""Chaos: vendors that fail in every way, and a Redis that dies again and again, while every answer is checked."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from benchmarks.running.backends import Backends, backends
from benchmarks.running.load import Client, Sent, at_rate, session
from benchmarks.running.processes import Redis, gateway, redis
from benchmarks.running.tables import Finding
from gateway.sandbox.faults import Fault

_FRESH_S = 2.0
_TIMEOUT_S = 2.0
_SLACK_S = 0.5
_OPERATIONS_A_SECOND = 20.0
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
    Fault("malformed", probability=0.03),
    Fault("html", probability=0.02),
    Fault("slow", seconds=0.5, probability=0.05),
)

# What may be said of a task instead of its state while its vendor fails.
_FAILURES = frozenset({"BackendError"})


class Judge:
    """Holds each answer against the history."""

    def __init__(self, emulated: Backends) -> None:
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._history = emulated.history
        self._of_scale = frozenset(emulated.task_ids)

    def hear(self, sent: Sent) -> None:
        answer = sent.answer or {}
        self.seen["answers"] += 1
        if sent.status != 200 or not answer.get("data"):
            self.seen["answers without data"] += 1
            self.wrong.append(f"HTTP {sent.status}: after {sent.seconds:.1f} s: {str(answer)[:300]}")
            return
        for name, item in zip(sent.names, answer["data"]["lookupTasks"], strict=True):
            self._judge(name, item, sent)

    def _judge(self, name: str, item: Mapping[str, Any], sent: Sent) -> None:
        kind, backend = item["__typename"], "Scale" if name in self._of_scale else "Rosetta"
        if kind != "Task":
            self.seen[f"{backend}: {kind}"] += 1
            if kind not in _FAILURES:
                self.wrong.append(f"{kind} for a task that exists")
            return
        self.seen[f"{backend}: {'stale' if item['isStale'] else 'fresh'}"] += 1
        since = 0.0 if item["isStale"] else sent.sent_at - _FRESH_S - _TIMEOUT_S - _SLACK_S
        if not self._history.could_be(name, item["status"], since, sent.answered_at):
            self.wrong.append(f"{name}: {item} between {since:.1f} and {sent.answered_at:.1f}")


async def chaos(seconds: float) -> Finding:
    """Everything goes wrong; no answer is wrong, nothing breaks, nothing leaks."""
    finding = Finding("Chaos", ("what", "count"))
    async with redis() as cache, backends() as emulated:
        more = {**_SETTINGS, "GATEWAY_CACHE__URL": cache.url}
        async with gateway(emulated.environment, **more) as process, session() as http:
            emulated.watch_over_scenes(_SCENES)
            names = [*emulated.task_ids[:_SCENES], *emulated.scene_ids]
            client = Client(http, process.origin, names, selector=emulated.selector)
            await at_rate(client, _OPERATIONS_A_SECOND, 3)
            before = process.usage()
            for faults in (emulated.sandbox.scale.faults, emulated.sandbox.rosetta.faults):
                for trouble in _TROUBLES:
                    faults.add(trouble)
            judge, kills = Judge(emulated), Counter[str]()
            troubles = [
                asyncio.create_task(emulated.keep_moving(_MOVES_A_SECOND)),
                asyncio.create_task(_kill_again_and_again(cache, seconds, kills)),
            ]
            try:
                await at_rate(client, _OPERATIONS_A_SECOND, seconds, hear=judge.hear)
            finally:
                for task in troubles:
                    task.cancel()
                await asyncio.wait(troubles)
            emulated.sandbox.scale.faults.clear()
            emulated.sandbox.rosetta.faults.clear()
            await asyncio.sleep(_TIMEOUT_S + 1)
            after, log = process.usage(), process.log
        finding.rows += [(f"{what}", count) for what, count in sorted(judge.seen.items())]
        finding.rows += [
            ("status changes", sum(len(changes) - 1 for changes in emulated.history.changes.values())),
            ("Redis kills", kills["kills"]),
            ("wrong answers", len(judge.wrong)),
            ("unexpected errors logged", log.count("unexpected") + log.count("Traceback")),
            ("memory MB before, after", f"{before[0]:.0f}, {after[0]:.0f}"),
            ("descriptors before, after", f"{before[1]}, {after[1]}"),
        ]
    finding.expect(not judge.wrong, f"{len(judge.wrong)} wrong answers, such as {judge.wrong[:3]}")
    for kind in ("Scale: fresh", "Scale: stale", "Rosetta: fresh", "Rosetta: stale"):
        finding.expect(judge.seen[kind] > 0, f"the check saw none of {kind}")
    finding.expect("unexpected" not in log and "Traceback" not in log, "an unexpected error is in the log")
    finding.expect(after[1] <= before[1] + 80, f"descriptors grew from {before[1]} to {after[1]}")
    finding.expect(after[0] < before[0] * 1.5 + 20, f"memory grew from {before[0]:.0f} to {after[0]:.0f} MB")
    return finding


async def _kill_again_and_again(cache: Redis, seconds: float, kills: Counter[str]) -> None:
    chance = random.Random(3)
    longest = max(1.0, min(20.0, seconds / 4))
    while True:
        await asyncio.sleep(chance.uniform(0.5, longest))
        await cache.kill()
        kills["kills"] += 1
        await asyncio.sleep(chance.uniform(0.2, longest / 4))
        await cache.start()
