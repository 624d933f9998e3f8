"""Load: operations sent at a rate, whatever becomes of them, and what was answered."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

QUERY = (
    "query Look($ids: [TaskBy!]!) { lookupTasks(by: $ids) { __typename ... on Task { scaleTaskId status isStale } } }"
)

# Open-loop senders must not pile up without bound when the gateway hangs.
_MOST_OPEN = 3000


@dataclass(frozen=True)
class Sent:
    """One operation: when it was sent and answered, in steady seconds, with which HTTP status (0: none).

    `names` are the tasks asked for, in the answer's order, where somebody is to judge it.
    """

    sent_at: float
    answered_at: float
    status: int
    answer: dict[str, Any] | None
    names: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        return self.answered_at - self.sent_at


@dataclass
class Results:
    """All that was sent."""

    sent: list[Sent] = field(default_factory=list)
    not_sent: int = 0

    def outcomes(self) -> dict[str, int]:
        return dict(Counter(_outcome(one) for one in self.sent))

    def seconds(self, share: float, *, outcome: str = "ok") -> float:
        """The percentile of the durations of what had this outcome."""
        found = sorted(one.seconds for one in self.sent if _outcome(one) == outcome)
        return found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")

    def count(self, outcome: str) -> int:
        return sum(_outcome(one) == outcome for one in self.sent)

    @property
    def failed(self) -> int:
        """What was neither answered nor shed."""
        return len(self.sent) - self.count("ok") - self.count("shed")


def _outcome(one: Sent) -> str:
    if one.status == 503:
        return "shed"
    if one.status != 200:
        return f"HTTP {one.status}" if one.status else "no answer"
    return "ok" if one.answer is not None and one.answer.get("data") else "errors"


Heard = Callable[[Sent], Awaitable[None] | None]


class Client:
    """Asks one origin for tasks."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        origin: str,
        ids: Sequence[str],
        per_operation: int = 10,
        selector: Callable[[str], dict[str, object]] = lambda name: {"scaleTaskId": name},
        query: str = QUERY,
    ) -> None:
        self._session = session
        self._url = f"{origin}/graphql"
        self._ids = ids
        self._per_operation = per_operation
        self._selector = selector
        self._query = query
        self._chance = random.Random(5)

    async def ask(self) -> Sent:
        """One operation for some of the tasks."""
        ids = self._chance.sample(self._ids, min(self._per_operation, len(self._ids)))
        body = {"query": self._query, "variables": {"ids": [self._selector(name) for name in ids]}}
        sent_at = time.monotonic()
        try:
            async with self._session.post(self._url, json=body) as response:
                answer = await response.json(content_type=None)
                return Sent(sent_at, time.monotonic(), response.status, answer, ids)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Sent(sent_at, time.monotonic(), 0, {"lost": repr(error)}, ids)


async def at_rate(
    client: Client, per_second: float, seconds: float, *, hear: Callable[[Sent], None] | None = None
) -> Results:
    """Sends at this rate, however slowly answers come. What `hear` raises ends it."""
    results, under_way = Results(), set[asyncio.Task[None]]()

    async def one() -> None:
        sent = await client.ask()
        if hear is not None:
            hear(sent)
            sent = Sent(sent.sent_at, sent.answered_at, sent.status, {"data": True} if _outcome(sent) == "ok" else None)
        results.sent.append(sent)

    began_at = time.monotonic()
    number = 0
    async with asyncio.TaskGroup() as group:
        while (now := time.monotonic()) - began_at < seconds:
            due = int((now - began_at) * per_second)
            for _ in range(due - number):
                if len(under_way) >= _MOST_OPEN:
                    results.sent.append(Sent(now, now, 0, None))
                    continue
                task = group.create_task(one())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            number = due
            await asyncio.sleep(0.002)
    return results


async def closed_loop(client: Client, clients: int, seconds: float) -> Results:
    """That many clients, each sending its next operation when it has its answer: what the gateway can do at most."""
    results, ends_at = Results(), time.monotonic() + seconds

    async def one() -> None:
        while time.monotonic() < ends_at:
            results.sent.append(await client.ask())

    await asyncio.gather(*(one() for _ in range(clients)))
    return results


def session() -> aiohttp.ClientSession:
    """Connections without a bound of their own."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(30))
