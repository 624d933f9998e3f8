"""Flood: many more operations a second than one gateway can do, sent and timed by a client that costs next to nothing.

aiohttp's client does some 1,500 requests a second of a core: under overload it would measure itself.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import cast

import orjson

from benchmarks.running.load import QUERY, Results, Sent

_ANSWERED = b'{"data":{'
_QUERY = orjson.dumps(QUERY)
_HEAD = b"POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_GIVE_UP_S = 30.0
_LATE_S = 0.002
# A gateway that hangs must not be given more and more connections.
_MOST_OPEN = 3000


class _Connection(asyncio.Protocol):
    """One connection, kept open, with one request at a time."""

    def __init__(self, flood: "Flood") -> None:
        self._flood = flood
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, sent_at: float) -> None:
        assert self._transport is not None
        self._received, self._sent_at = b"", sent_at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        answer = {"data": True} if body.startswith(_ANSWERED) else None
        self._flood.heard(Sent(self._sent_at, time.monotonic(), int(head[9:12]), answer), self)
        self._sent_at = 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        self._flood.gone(self)
        if self._sent_at:
            self._flood.heard(Sent(self._sent_at, time.monotonic(), 0, None), None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


class Flood:
    """Sends operations at a rate to one port, in random order and at random moments (a Poisson process)."""

    def __init__(self, port: int, task_ids: Sequence[str], per_operation: int) -> None:
        self._port = port
        self._chance = random.Random(5)
        self._variables = [orjson.dumps({"scaleTaskId": task_id}) for task_id in task_ids]
        self._per_operation = min(per_operation, len(task_ids))
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._open = 0
        self._answered = asyncio.Event()
        self._results = Results()
        self._late: list[float] = []

    async def at_rate(self, per_second: float, seconds: float) -> Results:
        """Sends for that long, however slowly answers come, and waits for the last."""
        self._results, self._late = Results(), []
        due = time.monotonic()
        ends_at = due + seconds
        while (now := time.monotonic()) < ends_at:
            if due > now:
                await asyncio.sleep(due - now)
                continue
            self._late.append(now - due)
            self._ask()
            due += self._chance.expovariate(per_second)
            if self._late[-1] > _LATE_S:
                await asyncio.sleep(0)  # whoever catches up must not be deaf meanwhile
        await self._until_quiet()
        return self._results

    async def closed_loop(self, clients: int, seconds: float) -> Results:
        """That many at a time, each followed by the next: what the gateway can do at most."""
        self._results, self._late = Results(), []
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            while self._open < clients:
                self._ask()
            self._answered.clear()
            await self._answered.wait()
        await self._until_quiet()
        return self._results

    @property
    def late_s(self) -> float:
        """The 95th percentile of how late the sender itself was: no answer can be measured more exactly."""
        return sorted(self._late)[int(0.95 * len(self._late))] if self._late else float("nan")

    def heard(self, sent: Sent, connection: _Connection | None) -> None:
        self._open -= 1
        self._answered.set()
        self._results.sent.append(sent)
        if connection is not None:
            self._idle.append(connection)

    def gone(self, connection: _Connection) -> None:
        """The gateway has closed it, as it does with those that are idle for long."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        for connection in list(self._all):
            connection.close()

    def _ask(self) -> None:
        if self._open >= _MOST_OPEN:
            self._results.not_sent += 1
            return
        self._open += 1
        if self._idle:
            self._idle.pop().ask(self._request(), time.monotonic())
            return
        task = asyncio.create_task(self._ask_anew(time.monotonic()))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _ask_anew(self, sent_at: float) -> None:
        """Over a new connection; the time that it takes counts."""
        loop = asyncio.get_running_loop()
        try:
            _, made = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        except OSError:
            self.heard(Sent(sent_at, time.monotonic(), 0, None), None)
            return
        self._all.add(made)
        made.ask(self._request(), sent_at)

    async def _until_quiet(self) -> None:
        gives_up_at = time.monotonic() + _GIVE_UP_S
        while self._open and time.monotonic() < gives_up_at:
            await asyncio.sleep(0.01)

    def _request(self) -> bytes:
        """One that has not been sent before, so that no whole answer is kept for it."""
        ids = b",".join(self._chance.sample(self._variables, self._per_operation))
        body = b'{"query":%s,"variables":{"ids":[%s]}}' % (_QUERY, ids)
        return _HEAD % len(body) + body
