"""RedisReplicas: leases and news between replicas, over Redis 5 and later, or Valkey.

A lease is a key that expires: whoever set it renews it, and it is free LEASE_S after its holder died. News is
published as a line of JSON and the record's own bytes, from which the backend's folder makes the task again; what is
heard is never executed or unpickled, and what cannot be read counts as not heard.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from gateway.backends.base import TaskBackend
from gateway.fail_open import RedisFailures
from gateway.redis_pools import waiting_pool
from gateway.replicas import Heard, Linked
from schema.backend import Backend
from schema.errors import GatewayError
from schema.references import Reference, global_id, reference_of_id
from schema.task import Task

_log = structlog.get_logger(__name__)

T = TypeVar("T")

# A replica renews every 5 s; one that misses two rounds and a bit is taken for dead.
LEASE_S = 15.0

# Keys of one script: Redis serves nobody else while it runs.
_KEYS_A_CALL = 500

# Redis cuts subscribers off that lag behind by 8 to 32 MB: a larger record is left for them to read.
LARGEST_TOLD = 262_144

_CALL_S = 1.0
_CONNECT_S = 0.5
_MAX_CONNECTIONS = 8
_HEARTBEAT_S = 1.0

_CLAIM = """
local mine = {}
for i, key in ipairs(KEYS) do
  if redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) then
    mine[i] = 1
  elseif redis.call('GET', key) == ARGV[1] then
    redis.call('PEXPIRE', key, ARGV[2])
    mine[i] = 1
  else
    mine[i] = 0
  end
end
return mine
"""

_RELEASE = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1
"""


class RedisReplicas:
    """Fulfils `Replicas`. Made inside the event loop that uses it.

    `prefix` begins every key and names the channel: it carries what tells one account from another. `now` is the wall
    clock: what another replica says it read later than this was read now. `failed` hears the kind of every failure:
    timeout, connection, other.
    """

    def __init__(
        self,
        url: str,
        prefix: str,
        backends: Mapping[Backend, TaskBackend],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        failed: Callable[[str], None] = lambda kind: None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._redis = Redis.from_pool(waiting_pool(url, most=_MAX_CONNECTIONS, connect_s=_CONNECT_S))
        self._prefix = prefix
        self._channel = f"{prefix}news"
        self._backends = backends
        self._now = now
        self._lease_ms = int(lease_s * 1000)
        self._me = uuid.uuid4().hex
        self._failures = RedisFailures("watching by turns with the other replicas", failed, clock)

    async def claim(self, references: Sequence[Reference]) -> set[Reference]:
        mine: set[Reference] = set()
        for start in range(0, len(references), _KEYS_A_CALL):
            part = references[start : start + _KEYS_A_CALL]
            flags = await self._bounded(self._eval(_CLAIM, part, self._me, self._lease_ms), [1] * len(part))
            mine.update(reference for reference, flag in zip(part, flags, strict=True) if flag)
        return mine

    async def release(self, references: Sequence[Reference]) -> None:
        for start in range(0, len(references), _KEYS_A_CALL):
            part = references[start : start + _KEYS_A_CALL]
            await self._bounded(self._eval(_RELEASE, part, self._me), None)

    async def tell(self, task: Task) -> None:
        body = task.record.body
        header = {"from": self._me, "id": global_id(task.reference), "at": task.fetched_at.timestamp()}
        is_told = len(body) <= LARGEST_TOLD
        message = orjson.dumps({**header, "whole": is_told}) + b"\n" + (body if is_told else b"")
        await self._bounded(self._redis.publish(self._channel, message), None)

    async def listen(self, heard: Heard, linked: Linked) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await self._hear(channel, heard, linked)
            except Exception as exc:  # noqa: BLE001  whatever broke: the next round connects anew
                self._failures.note(exc)
            linked(False)
            await asyncio.sleep(_HEARTBEAT_S / 2)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _hear(self, channel: PubSub, heard: Heard, linked: Linked) -> None:
        """Returns never; raises when a heartbeat is not answered, as on a socket whose other end hangs."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_HEARTBEAT_S):
            await channel.subscribe(self._channel)
        while True:
            async with asyncio.timeout(_HEARTBEAT_S):
                await channel.ping()
            is_alive, ends_at = False, loop.time() + _HEARTBEAT_S
            while (left_s := ends_at - loop.time()) > 0:
                message: dict[str, Any] | None = await channel.get_message(timeout=left_s)
                kind = None if message is None else message["type"]
                if message is not None and kind == "message":
                    self._take_in(message["data"], heard)
                elif kind == "subscribe":
                    linked(True)
                is_alive = is_alive or kind == "pong"
            if not is_alive:
                raise TimeoutError("no answer to a heartbeat")

    def _take_in(self, message: bytes, heard: Heard) -> None:
        head, _, body = message.partition(b"\n")
        try:
            header = orjson.loads(head)
            if header["from"] == self._me:
                return
            reference = reference_of_id(header["id"])
            fetched_at = min(datetime.fromtimestamp(header["at"], UTC), self._now())
            is_told = bool(header["whole"])
        except (ValueError, TypeError, KeyError, OverflowError, OSError, GatewayError) as exc:
            _log.warning("damaged news of another replica was ignored", kind=type(exc).__name__)
            return

        def load() -> Task | None:
            if not is_told:
                return None
            try:
                return self._backends[reference.backend].restore(reference, body, fetched_at)
            except ValueError:
                return None

        heard(reference, load)

    async def _eval(self, script: str, references: Sequence[Reference], *arguments: object) -> Any:
        keys = [f"{self._prefix}watch:{global_id(reference)}" for reference in references]
        return await self._redis.eval(script, len(keys), *keys, *map(str, arguments))

    async def _bounded(self, work: Awaitable[T], otherwise: T) -> T:
        try:
            async with asyncio.timeout(_CALL_S):
                return await work
        except Exception as exc:  # noqa: BLE001  without the others this replica goes on by itself
            self._failures.note(exc)
            return otherwise
