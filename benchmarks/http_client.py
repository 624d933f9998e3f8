"""What one call to a backend costs in CPU: 50 at once, 20 ms each, through three clients of the same server.

python -m benchmarks.http_client [rounds]
"""

import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import uvloop
from httpx_aiohttp import AiohttpTransport

from benchmarks.slow_backend import slow_backend
from gateway.backends.connections import Connections, request_bytes

CALLS = 50
BODY = b'{"task_id":"t","status":"pending","instruction":"' + b"x" * 1000 + b'"}'


def _body(request: bytes) -> bytes:
    return BODY


async def _measured(name: str, call: Callable[[], Awaitable[object]], rounds: int) -> None:
    walls, costs = [], []
    for number in range(rounds + 3):
        started, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.gather(*(call() for _ in range(CALLS)))
        now = resource.getrusage(resource.RUSAGE_SELF)
        if number >= 3:  # the first rounds open the connections
            walls.append((time.perf_counter() - started) * 1e3)
            costs.append((now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / CALLS * 1e6)
    print(f"| {name} | {statistics.median(walls):.1f} | {statistics.median(costs):.0f} |")


async def _main(port: int, rounds: int) -> None:
    url, headers = f"http://127.0.0.1:{port}/v1/task/t", {"authorization": "Basic dA==", "accept": "application/json"}
    print("| client | 50 calls of 20 ms: wall ms | CPU us a call |\n|---|---|---|")
    transport = AiohttpTransport(limits=httpx.Limits(max_connections=CALLS, max_keepalive_connections=CALLS))
    async with httpx.AsyncClient(transport=transport) as stacked:
        await _measured("httpx + httpx-aiohttp", lambda: stacked.get(url, headers=headers), rounds)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CALLS)) as session:

        async def through_aiohttp() -> bytes:
            async with session.get(url, headers=headers) as response:
                return await response.read()

        await _measured("aiohttp", through_aiohttp, rounds)
    connections = Connections("127.0.0.1", port, None, connect_timeout_s=3, max_body_bytes=2**20)

    def direct() -> Awaitable[object]:
        request = request_bytes("GET", "/v1/task/t", {"host": f"127.0.0.1:{port}", **headers}, None)
        return connections.exchange(request, may_repeat=True)

    await _measured("gateway.backends.connections", direct, rounds)
    connections.close()


if __name__ == "__main__":
    with slow_backend(_body) as port:
        uvloop.run(_main(port, int(sys.argv[1]) if len(sys.argv) > 1 else 30))
