"""RedisStorage: the Storage of several replicas, over aiocache's Redis backend (Redis 5 and later, or Valkey).

No key is listed, nothing is flushed: what is stored expires. Values are bytes whose meaning only their owner knows;
nothing that is read is ever executed or unpickled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiocache.backends.redis import RedisCache
from aiocache.serializers import NullSerializer
from redis.asyncio.client import PubSub

from gateway.fail_open import RedisFailures
from gateway.redis_pools import waiting_pool
from gateway.storage import Found, Heard, Linked

T = TypeVar("T")

# What comes before a read of a backend, one after the other, takes at most 200 ms: at most two looks and a claim.
_FIND_S = 0.08
_CLAIM_S = 0.04
_WRITE_S = 0.2
_CONNECT_S = 1.0
_ABANDONED_S = 1.0
_MAX_CONNECTIONS = 16

_HEARTBEAT_S = 0.5

# A replaced key is remembered longer than any read is under way.
_REPLACED_MS = 600_000

_FIND = """
local t = redis.call('TIME')
return {string.format('%.0f', t[1] * 1000000 + t[2]), redis.call('MGET', unpack(KEYS))}
"""

# A server that hung executes what reached its socket when it wakes: the claims of callers long gone.
_CLAIM = """
local t = redis.call('TIME')
local late = t[1] * 1000000 + t[2] - ARGV[3] > 150000
local mine = {}
for i, key in ipairs(KEYS) do
  mine[i] = (late or redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2])) and 1 or 0
end
return mine
"""

_HOLD = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('PEXPIRE', key, ARGV[2]) end
end
return 1
"""

_RELEASE = """
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1
"""

# KEYS: value and replacement stamp by turns. ARGV: the stamp, then value and milliseconds by turns.
_KEEP = """
local kept = {}
for i = 1, #KEYS / 2 do
  local replaced = redis.call('GET', KEYS[2 * i])
  if replaced and tonumber(replaced) >= tonumber(ARGV[1]) then
    kept[i] = 0
  else
    redis.call('SET', KEYS[2 * i - 1], ARGV[2 * i], 'PX', ARGV[2 * i + 1])
    kept[i] = 1
  end
end
return kept
"""

# As above; ARGV begins with channel, message and how long a replacement is remembered. 0 milliseconds remove.
_REPLACE = """
local t = redis.call('TIME')
local stamp = string.format('%.0f', t[1] * 1000000 + t[2])
for i = 1, #KEYS / 2 do
  redis.call('SET', KEYS[2 * i], stamp, 'PX', ARGV[3])
  if ARGV[2 * i + 3] == '0' then
    redis.call('DEL', KEYS[2 * i - 1])
  else
    redis.call('SET', KEYS[2 * i - 1], ARGV[2 * i + 2], 'PX', ARGV[2 * i + 3])
  end
end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
"""


class RedisStorage:
    """Fails open: a Redis that is down, hangs or errs is a miss, and is left alone until its heartbeat is back.

    `url` is redis://, rediss:// or unix://, with user name, password, database and TLS options where needed.
    `prefix` begins every key and names the channel. `failed` hears the kind of every failure: timeout,
    connection, other. Made inside the event
    loop that uses it.
    """

    def __init__(
        self, url: str, prefix: str, *, now: Callable[[], float], failed: Callable[[str], None] = lambda kind: None
    ) -> None:
        # aiocache's own reading of URLs drops user names and knows neither TLS nor sockets: the pool is redis-py's.
        pool = waiting_pool(url, most=_MAX_CONNECTIONS, connect_s=_CONNECT_S)
        # Bytes pass as they are: other serializers decode them, or execute what another program stored. Its own time
        # limit is off, as every call below has one. aiocache has no types.
        self._cache: Any = RedisCache(  # type: ignore[no-untyped-call]
            serializer=NullSerializer(encoding=None),  # type: ignore[no-untyped-call]
            timeout=None,
            connection_pool_class=lambda **_: pool,
        )
        self._prefix = prefix
        self._channel = f"{prefix}changes"
        self._failures = RedisFailures("what replicas share of tasks", failed, now)
        self._asking: set[asyncio.Task[Any]] = set()
        self._is_down = False

    async def find(self, keys: Sequence[str]) -> Found:
        async def ask() -> Found:
            stamp, values = await self._eval(_FIND, [self._key(key) for key in keys])
            return Found(int(stamp), values)

        return await self._bounded(ask, _FIND_S, Found(None, [None] * len(keys)))

    async def claim(self, keys: Sequence[str], token: str, ttl_s: float, stamp: int) -> Sequence[bool]:
        async def ask() -> Sequence[bool]:
            mine = await self._eval(_CLAIM, [self._claim_key(key) for key in keys], token, _ms(ttl_s), stamp)
            return [bool(flag) for flag in mine]

        return await self._bounded(ask, _CLAIM_S, [True] * len(keys))

    async def hold(self, keys: Sequence[str], token: str, ttl_s: float) -> None:
        async def ask() -> None:
            await self._eval(_HOLD, [self._claim_key(key) for key in keys], token, _ms(ttl_s))

        await self._bounded(ask, _CLAIM_S, None)

    async def release(self, keys: Sequence[str], token: str) -> None:
        async def ask() -> None:
            await self._eval(_RELEASE, [self._claim_key(key) for key in keys], token)

        await self._bounded(ask, _WRITE_S, None)

    async def keep(self, values: Mapping[str, tuple[bytes, float]], stamp: int) -> Sequence[bool]:
        async def ask() -> Sequence[bool]:
            arguments: list[object] = [stamp]
            for value, ttl_s in values.values():
                arguments += [value, _ms(ttl_s)]
            return [bool(kept) for kept in await self._eval(_KEEP, self._pairs(values), *arguments)]

        return await self._bounded(ask, _WRITE_S, [True] * len(values))

    async def replace(self, values: Mapping[str, tuple[bytes, float] | None], message: bytes) -> bool:
        async def ask() -> bool:
            arguments: list[object] = [self._channel, message, _REPLACED_MS]
            for item in values.values():
                arguments += ["", 0] if item is None else [item[0], _ms(item[1])]
            await self._eval(_REPLACE, self._pairs(values), *arguments)
            return True

        return await self._bounded(ask, _WRITE_S, False)

    async def listen(self, heard: Heard, linked: Linked) -> None:
        while True:
            try:
                async with self._cache.client.pubsub() as channel:
                    await self._hear(channel, heard, linked)
            except Exception as exc:  # noqa: BLE001  whatever broke: the next round connects anew
                self._failed(exc)
            finally:
                linked(False)
            await asyncio.sleep(_HEARTBEAT_S)

    async def aclose(self) -> None:
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._cache.client.aclose()

    async def _hear(self, channel: PubSub, heard: Heard, linked: Linked) -> None:
        """Returns never; raises when a heartbeat is not answered, as on a socket whose other end hangs."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(2 * _HEARTBEAT_S):
            await channel.subscribe(self._channel)
            await self._cache.client.ping()  # one connection stands before the first question
        is_linked = False
        while True:
            async with asyncio.timeout(_HEARTBEAT_S):
                await channel.ping()
            answered, ends_at = False, loop.time() + _HEARTBEAT_S
            while (left_s := ends_at - loop.time()) > 0:
                message: dict[str, Any] | None = await channel.get_message(timeout=left_s)
                kind = None if message is None else message["type"]
                if kind == "message":
                    assert message is not None
                    heard(message["data"])
                elif kind == "pong":
                    answered, self._is_down = True, False
                elif kind == "subscribe" and not is_linked:
                    is_linked = True
                    linked(True)
            if not answered:
                raise TimeoutError("no answer to a heartbeat")

    async def _bounded(self, ask: Callable[[], Awaitable[T]], seconds: float, otherwise: T) -> T:
        if self._is_down:
            return otherwise
        # Not cancelled when its time is up: a connection that takes longer to set up serves the next question.
        asking = asyncio.get_running_loop().create_task(self._asked(ask))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        await asyncio.wait([asking], timeout=seconds)
        if not asking.done():
            self._failed(TimeoutError())
            return otherwise
        answer = asking.result()
        return otherwise if answer is None else answer[0]

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> tuple[T] | None:
        try:
            async with asyncio.timeout(_ABANDONED_S):
                return (await ask(),)
        except Exception as exc:  # noqa: BLE001  no kind of failure of a cache may reach a client
            self._failed(exc)
            return None

    async def _eval(self, script: str, keys: Sequence[str], *arguments: object) -> Any:
        return await self._cache.raw("eval", script, len(keys), *keys, *arguments)

    def _failed(self, exc: Exception) -> None:
        self._is_down = True
        self._failures.note(exc)

    def _key(self, key: str) -> str:
        return f"{self._prefix}task:{key}"

    def _claim_key(self, key: str) -> str:
        return f"{self._prefix}reading:{key}"

    def _pairs(self, keys: Mapping[str, object]) -> list[str]:
        return [name for key in keys for name in (self._key(key), f"{self._prefix}replaced:{key}")]


def _ms(seconds: float) -> int:
    # Redis refuses 0, and would keep for ever without.
    return max(1, int(seconds * 1000))
