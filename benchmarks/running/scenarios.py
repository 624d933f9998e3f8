"""The scenarios without chance: steady load, overload, brown-out, Redis loss, soak."""

import asyncio
import math
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.running.backends import backends
from benchmarks.running.flood import Flood
from benchmarks.running.load import Client, Results, at_rate, closed_loop, session
from benchmarks.running.processes import Process, gateway, redis
from benchmarks.running.tables import LOAD_HEAD, Finding, load_row
from gateway.sandbox.faults import Fault

# Clients that keep the gateway busy without a queue.
_BUSY_CLIENTS = 8
_LONG = "3600"
_KEPT = {"GATEWAY_FRESHNESS__OPEN_S": _LONG, "GATEWAY_FRESHNESS__SETTLED_S": _LONG}


async def steady(seconds: float) -> Finding:
    """What one gateway can do, and how it answers at half of that."""
    finding = Finding("Steady load", LOAD_HEAD)
    async with backends() as emulated, gateway(emulated.environment) as process, session() as http:
        client = Client(http, process.origin, emulated.task_ids)
        await _warm(client)
        most = await closed_loop(client, _BUSY_CLIENTS, seconds)
        finding.rows.append(load_row(f"{_BUSY_CLIENTS} clients, no pause", most, seconds))
        half = await at_rate(client, _rate(most, seconds) / 2, seconds)
        finding.rows.append(load_row("half of that", half, seconds))
        finding.expect(most.failed + half.failed == 0, f"{most.failed + half.failed} operations failed")
    return finding


async def overload(seconds: float) -> Finding:
    """Five times what the gateway can do: what is answered is answered in time, the rest is told at once.

    The gateway's settings are its own, but for the freshness: what is measured is the gateway, not its vendors.
    """
    finding = Finding("Overload", LOAD_HEAD)
    measured_s = max(4.0, seconds / 6)
    async with backends() as emulated, gateway(emulated.environment, **_KEPT) as process:
        flood = Flood(process.port, emulated.task_ids, per_operation=50)
        await flood.closed_loop(_BUSY_CLIENTS, measured_s)  # warms up
        capacity = _rate(await flood.closed_loop(_BUSY_CLIENTS, measured_s), measured_s)
        phases = [(_NORMAL_SHARE, measured_s), (2.0, measured_s), (5.0, seconds), (_NORMAL_SHARE, 5.0)]
        results = []
        for times, phase_s in [*phases, (_NORMAL_SHARE, measured_s)]:
            results.append(await flood.at_rate(capacity * times, phase_s))
            name = f"{times:g} times what it can do ({capacity:.0f}/s); sender late by {flood.late_s * 1000:.1f} ms"
            finding.rows.append(load_row(name, results[-1], phase_s))
        flood.close()
    _judge_overload(finding, normal=results[0], flooded=results[2], after=results[4])
    return finding


def _judge_overload(finding: Finding, *, normal: Results, flooded: Results, after: Results) -> None:
    usual_s, answered_s, told_s = normal.seconds(0.95), flooded.seconds(0.95), flooded.seconds(0.95, outcome="shed")
    finding.expect(
        answered_s < 2 * usual_s, f"answered in {answered_s * 1000:.0f} ms, normally {usual_s * 1000:.0f} ms"
    )
    finding.expect(flooded.failed == 0, f"{flooded.failed} operations neither answered nor shed")
    finding.expect(flooded.count("shed") > 0, "nothing was shed: this was no overload")
    finding.expect(not told_s > _TOLD_WITHIN_S, f"told only after {told_s * 1000:.0f} ms")
    finding.expect(after.seconds(0.95) < 2 * usual_s, "not normal 5 s later")
    finding.expect(after.failed + after.count("shed") == 0, "not everything was answered 5 s later")


_NORMAL_SHARE = 0.7
_TOLD_WITHIN_S = 0.5


async def brownout(seconds: float) -> Finding:
    """A vendor that is slow and fails half of the time, for a third of the run."""
    finding = Finding("Backend brown-out", LOAD_HEAD)
    third = seconds / 3
    more = {"GATEWAY_FRESHNESS__OPEN_S": "1", "GATEWAY_FRESHNESS__SETTLED_S": "1", "GATEWAY_SCALE__TIMEOUT_S": "2"}
    async with backends() as emulated, gateway(emulated.environment, **more) as process, session() as http:
        faults = emulated.sandbox.scale.faults
        client = Client(http, process.origin, emulated.task_ids)
        await _warm(client)
        for phase in ("before", "half fail, half take 3 s", "after"):
            if phase.startswith("half"):
                faults.add(Fault("status", 503, probability=0.5))
                faults.add(Fault("slow", seconds=3.0))
            results = await at_rate(client, _MODEST, third)
            finding.rows.append(load_row(phase, results, third))
            faults.clear()
            finding.expect(results.failed == 0, f"{phase}: {results.failed} operations failed")
            finding.expect(results.seconds(0.99) < 2.6, f"{phase}: an operation took longer than the vendor may")
    return finding


_MODEST = 40.0


async def redis_loss(seconds: float) -> Finding:
    """The shared cache is killed for a third of the run."""
    finding = Finding("Redis loss", LOAD_HEAD)
    third = seconds / 3
    more = {"GATEWAY_FRESHNESS__OPEN_S": "1", "GATEWAY_FRESHNESS__SETTLED_S": "1"}
    async with redis() as cache, backends() as emulated:
        more["GATEWAY_CACHE__URL"] = cache.url
        async with gateway(emulated.environment, **more) as process, session() as http:
            client = Client(http, process.origin, emulated.task_ids)
            await _warm(client)
            for phase in ("before", "no Redis", "after"):
                if phase == "no Redis":
                    await cache.kill()
                elif phase == "after":
                    await cache.start()
                results = await at_rate(client, _MODEST, third)
                finding.rows.append(load_row(phase, results, third))
                finding.expect(results.failed == 0, f"{phase}: {results.failed} operations failed")
    return finding


async def soak(seconds: float) -> Finding:
    """Half load for a long time: memory, descriptors and tasks stay."""
    finding = Finding("Soak at half load", ("after s", *LOAD_HEAD[1:5], "p95 ms", *_Standing.HEAD))
    part_s = seconds / _PARTS
    standings = []
    async with backends() as emulated, gateway(emulated.environment) as process:
        flood = Flood(process.port, emulated.task_ids, per_operation=10)
        moving = asyncio.create_task(emulated.keep_moving(5))
        for part in range(_PARTS):
            results = await _at_half_load(flood, part_s)
            flood.close()  # what is left are the gateway's own
            standings.append(await _standing(process))
            row = load_row("", results, part_s)
            finding.rows.append((round(part_s * (part + 1)), *row[1:5], row[6], *standings[-1].row()))
            failed = results.failed + results.not_sent
            finding.expect(failed == 0, f"{failed} operations were neither answered nor shed")
        moving.cancel()
    _judge_soak(finding, standings)
    return finding


async def _at_half_load(flood: Flood, seconds: float) -> Results:
    """At half of what the gateway can do, measured again and again: it changes with what else the machine does."""
    results = Results()
    rounds = math.ceil(seconds / _ROUND_S)
    for _ in range(rounds):
        measured_s = seconds / rounds / 10
        most = await flood.closed_loop(_BUSY_CLIENTS, measured_s)
        half = await flood.at_rate(_rate(most, measured_s) / 2, seconds / rounds - measured_s)
        results.sent += most.sent + half.sent
        results.not_sent += half.not_sent
    return results


@dataclass(frozen=True)
class _Standing:
    """What a gateway holds when nobody asks anything of it."""

    HEAD: ClassVar = ("memory MB", "descriptors", "in flight", "tasks")

    memory_mb: float
    descriptors: int
    in_flight: int
    tasks: int

    def row(self) -> tuple[object, ...]:
        return round(self.memory_mb, 1), self.descriptors, self.in_flight, self.tasks


def _judge_soak(finding: Finding, standings: list[_Standing]) -> None:
    """The first half fills caches and pools."""
    first, last = standings[: _PARTS // 2], standings[-1]
    usual_mb = max(each.memory_mb for each in first)
    finding.expect(last.memory_mb < usual_mb * 1.1 + 5, f"memory grows: {usual_mb:.0f} MB, then {last.memory_mb:.0f}")
    usual = max(each.descriptors for each in first)
    finding.expect(last.descriptors <= usual + 10, f"descriptors grow: {usual}, then {last.descriptors}")
    usual = max(each.tasks for each in first)
    finding.expect(last.tasks <= usual + 10, f"tasks of the event loop grow: {usual}, then {last.tasks}")
    left = [each.in_flight for each in standings]
    finding.expect(not any(left), f"operations left in flight: {left}")


_PARTS = 10
_ROUND_S = 10.0


async def _standing(process: Process) -> _Standing:
    await asyncio.sleep(0.5)
    async with session() as http, http.get(f"{process.origin}/metrics") as answer:
        text = await answer.text()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    in_flight, tasks = values["gateway_operations_in_flight"], values["gateway_event_loop_tasks"]
    return _Standing(*process.usage(), int(float(in_flight)), int(float(tasks)))


async def _warm(client: Client) -> None:
    for _ in range(30):
        await client.ask()


def _rate(results: Results, seconds: float) -> float:
    return max(1.0, results.count("ok") / seconds)
