"""Rolling restart: two replicas behind a proxy are replaced one after the other, under load."""

import asyncio

from benchmarks.running.backends import backends
from benchmarks.running.load import Client, at_rate, session
from benchmarks.running.processes import Process, free_port, redis, start
from benchmarks.running.proxy import proxy
from benchmarks.running.tables import LOAD_HEAD, Finding, load_row

_OPERATIONS_A_SECOND = 40.0
_DRAIN_S = 8.0


async def rolling_restart(seconds: float) -> Finding:
    """Every operation is answered, whichever replica is on its way out."""
    finding = Finding("Rolling restart of two replicas", LOAD_HEAD)
    async with redis() as cache, backends() as emulated:
        environment = {**emulated.environment, "GATEWAY_CACHE__URL": cache.url, "GATEWAY_DRAIN_S": str(_DRAIN_S)}
        ports = [free_port(), free_port()]
        replicas = [await start(environment, port) for port in ports]
        try:
            async with proxy([replica.origin for replica in replicas]) as in_front, session() as http:
                client = Client(http, in_front.origin, emulated.task_ids)
                restarting = asyncio.create_task(_restart_each(replicas, environment))
                results, took_s = await _load_while(restarting, client, seconds)
                codes = await restarting
        finally:
            for replica in replicas:
                if replica.popen.poll() is None:
                    replica.popen.kill()
                    replica.popen.wait()
    finding.rows.append(load_row(f"{len(codes)} restarts", results, took_s))
    finding.expect(results.failed + results.count("shed") == 0, f"not answered: {results.outcomes()}")
    finding.expect(codes == [0, 0], f"the replicas ended with {codes}")
    for replica in replicas:
        replica.log_path.unlink(missing_ok=True)
    return finding


async def _load_while(restarting: asyncio.Task[list[int]], client: Client, seconds: float):  # type: ignore[no-untyped-def]
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
