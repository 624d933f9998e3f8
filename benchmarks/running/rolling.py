"""Rolling restart: two replicas behind a proxy are replaced one after the other, under load."""

import asyncio
import itertools

from benchmarks.running.backends import Backends, backends
from benchmarks.running.load import Client, Results, at_rate, session
from benchmarks.running.processes import Process, free_port, redis, start
from benchmarks.running.proxy import proxy
from benchmarks.running.subscribers import Subscriber, subscribers
from benchmarks.running.tables import LOAD_HEAD, Finding, load_row

_OPERATIONS_A_SECOND = 40.0
_DRAIN_S = 8.0
_SUBSCRIBERS = 10
_FOLLOWED = 20
_MOVES_A_SECOND = 5.0
# Watching asks at most every GATEWAY_WATCH__MAX_S.
_WATCH = {"GATEWAY_WATCH__MIN_S": "1", "GATEWAY_WATCH__MAX_S": "3"}
_TOLD_WITHIN_S = 20
# A status that lasts so long is seen by a watch, on a slow machine and across a reconnection too.
_LASTS_S = 12.0
_SLACK_S = 1.0


async def rolling_restart(seconds: float) -> Finding:
    """Every operation is answered, whichever replica is on its way out."""
    finding = Finding("Rolling restart of two replicas", LOAD_HEAD)
    async with redis() as cache, backends() as emulated:
        environment = {
            **emulated.environment,
            "GATEWAY_CACHE__URL": cache.url,
            "GATEWAY_DRAIN_S": str(_DRAIN_S),
            **_WATCH,
        }
        ports = [free_port(), free_port()]
        replicas = [await start(environment, port) for port in ports]
        try:
            async with proxy([replica.origin for replica in replicas]) as in_front, session() as http:
                client = Client(http, in_front.origin, emulated.task_ids)
                followed = emulated.task_ids[:_FOLLOWED]
                async with subscribers(in_front.origin, followed, _SUBSCRIBERS) as following:
                    moving = asyncio.create_task(emulated.keep_moving(_MOVES_A_SECOND))
                    restarting = asyncio.create_task(_restart_each(replicas, environment))
                    results, took_s = await _load_while(restarting, client, seconds)
                    codes = await restarting
                    moving.cancel()
                    missed = await _missed(emulated, following, followed)
                    missed += _untold(emulated, following, followed)
        finally:
            for replica in replicas:
                if replica.popen.poll() is None:
                    replica.popen.kill()
                    replica.popen.wait()
    reconnects = sum(subscriber.connections - 1 for subscriber in following)
    told = sum(subscriber.completed for subscriber in following)
    phase = (
        f"{len(codes)} restarts; {_SUBSCRIBERS} subscribers connected {reconnects} times again, {told} after `complete`"
    )
    finding.rows.append(load_row(phase, results, took_s))
    untrue = _untrue(emulated, following)
    changes = sum(len(emulated.history.changes[name]) - 1 for name in followed)
    told_of = sum(is_change for each in following for _, _, _, is_change in each.told)
    finding.rows.append((f"{changes} changes of {len(followed)} tasks, told {told_of} times", *["-"] * 8))
    finding.expect(not untrue, f"{len(untrue)} changes were told that were none: {untrue[:5]}")
    finding.expect(not missed, f"{len(missed)} changes were missed: {missed[:5]}")
    finding.expect(reconnects > 0 and told > 0, "no subscriber was sent elsewhere: this restarted nothing")
    finding.expect(results.failed + results.count("shed") == 0, f"not answered: {results.outcomes()}")
    finding.expect(codes == [0, 0], f"the replicas ended with {codes}")
    for replica in replicas:
        replica.log_path.unlink(missing_ok=True)
    return finding


async def _missed(emulated: Backends, following: list[Subscriber], followed: list[str]) -> list[str]:
    """What subscribers hold for the state of a task although it is another one, when they have had time to be told."""
    for _ in range(_TOLD_WITHIN_S * 10):
        missed = [
            f"{task_id}: {subscriber.latest.get(task_id)}, not {emulated.status(task_id)}"
            for subscriber in following
            for task_id in followed
            if subscriber.latest.get(task_id) != emulated.status(task_id)
        ]
        if not missed:
            return []
        await asyncio.sleep(0.1)
    return missed


def _untold(emulated: Backends, following: list[Subscriber], followed: list[str]) -> list[str]:
    """Each status that lasted long enough to be told of, and of which a subscriber was not told while it did."""
    untold = []
    for subscriber in following:
        told: dict[str, list[tuple[float, str]]] = {name: [] for name in followed}
        for at, name, status, _ in subscriber.told:
            told[name].append((at, status))
        for name in followed:
            changes = emulated.history.changes[name]
            for (_, since, status), (until, _, _) in itertools.pairwise(changes):
                if until - since < _LASTS_S:
                    continue
                if not any(since - _SLACK_S <= at <= until + _SLACK_S and had == status for at, had in told[name]):
                    untold.append(f"{name}: {status} for {until - since:.1f} s")
    return untold


def _untrue(emulated: Backends, following: list[Subscriber]) -> list[str]:
    """Each change that was told of although the task had no such status in the time in which the backend was asked."""
    return [
        f"{name}: {status}"
        for subscriber in following
        for at, name, status, is_change in subscriber.told
        if is_change and not emulated.history.could_be(name, status, at - _LASTS_S, at)
    ]


async def _load_while(restarting: asyncio.Task[list[int]], client: Client, seconds: float) -> tuple[Results, float]:
    results = await at_rate(client, _OPERATIONS_A_SECOND, seconds)
    took_s = seconds
    while not restarting.done():
        more = await at_rate(client, _OPERATIONS_A_SECOND, 2)
        results.sent += more.sent
        took_s += 2
    return results, took_s


async def _restart_each(replicas: list[Process], environment: dict[str, str]) -> list[int]:
    """Replaces one, waits until it is ready, and only then the next."""
    codes = []
    for number, replica in enumerate(replicas):
        await asyncio.sleep(1)
        codes.append(await replica.stop())
        replicas[number] = await start(environment, replica.port)
        await asyncio.sleep(1)  # until the proxy has seen it
    return codes
