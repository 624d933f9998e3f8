"""Callbacks: a POST to the task's callback URL at completion, error, recall and audit, repeated until taken."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.store import ScaleStore, TaskRow
from gateway.sandbox.scale.wire import encode

if TYPE_CHECKING:
    import httpx

Deliver = Callable[[str, dict[str, str], bytes], Awaitable[int]]
"""Posts a body with headers to a URL and returns the HTTP status; raises when there was no answer."""

_GROWTH = 1.5
_PATIENCE_S = 10
_MOST_WAITING = 10_000


@dataclass(eq=False)
class Delivery:
    """One callback on its way."""

    task_id: str
    url: str
    body: bytes
    due: datetime
    tries: int = 0


def httpx_deliver(client: "httpx.AsyncClient") -> Deliver:
    """Delivers through a client that the caller makes and closes."""

    async def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
        return (await client.post(url, headers=headers, content=body)).status_code

    return deliver


def next_wait_s(tries: int, options: ScaleOptions) -> float | None:
    """Seconds from a failed try to the next one, growing, or None after the last.

    All waits together make `callback_span_s`.
    """
    if tries >= options.callback_tries:
        return None
    all_waits = (_GROWTH ** (options.callback_tries - 1) - 1) / (_GROWTH - 1)
    return options.callback_span_s / all_waits * _GROWTH ** (tries - 1)


class CallbackSender:
    """Queues the callbacks of tasks with an HTTP callback URL and delivers those that are due.

    Without `deliver` nothing is queued. A callback URL may be an e-mail address: that is never posted to.
    """

    def __init__(
        self, store: ScaleStore, clock: SandboxClock, auth_key: str, options: ScaleOptions, deliver: Deliver | None
    ) -> None:
        self.deliver = deliver
        self.waiting: deque[Delivery] = deque(maxlen=_MOST_WAITING)
        self._store = store
        self._clock = clock
        self._auth_key = auth_key
        self._options = options

    def enqueue(self, row: TaskRow) -> None:
        """Queues a callback that tells the task as it is now."""
        url = row.record.get("callback_url") or self._options.default_callback_url
        if self.deliver is None or not isinstance(url, str) or not url.startswith(("http://", "https://")):
            return
        body = {name: row.record[name] for name in ("status", "task_id", "response") if name in row.record}
        payload = encode(body | {"task": row.record})
        self.waiting.append(Delivery(row.task_id, url, payload, self._clock.now()))

    async def deliver_due(self) -> int:
        """Tries every delivery that is due, once, and returns how many were taken."""
        now = self._clock.now()
        due = [delivery for delivery in self.waiting if delivery.due <= now]
        taken = await asyncio.gather(*(self._try(delivery) for delivery in due))
        return sum(taken)

    async def _try(self, delivery: Delivery) -> bool:
        delivery.tries += 1
        taken = await self._post(delivery)
        wait_s = None if taken else next_wait_s(delivery.tries, self._options)
        if wait_s is not None:
            delivery.due = self._clock.now() + timedelta(seconds=wait_s)
            return False
        if delivery in self.waiting:
            self.waiting.remove(delivery)
        if self._store.find(delivery.task_id) is not None:
            self._store.patch(delivery.task_id, {self._options.callback_flag: taken}, touch=False)
        return taken

    async def _post(self, delivery: Delivery) -> bool:
        headers = {"content-type": "application/json", "scale-callback-auth": self._auth_key}
        if self.deliver is None:
            return False
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status = await self.deliver(delivery.url, headers, delivery.body)
        except Exception:  # noqa: BLE001 - whatever the receiver or the network does wrong, it is one failed try
            return False
        return 200 <= status < 300
