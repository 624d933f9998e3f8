"""A Storage in memory, for several replicas in one test."""

import asyncio
from collections.abc import Mapping, Sequence

from gateway.storage import Found, Heard, Linked


class FakeStorage:
    """Keeps everything at once and for ever; time is a count of what happened. `is_down` makes it unreachable."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.claims: dict[str, str] = {}
        self.is_down = False
        self.hears = True
        self._time = 0
        self._replaced: dict[str, int] = {}
        self._listeners: list[tuple[Heard, Linked]] = []

    async def find(self, keys: Sequence[str]) -> Found:
        await asyncio.sleep(0)
        self._time += 1
        return Found(None if self.is_down else self._time, [None if self.is_down else self.values.get(k) for k in keys])

    async def claim(self, keys: Sequence[str], token: str, ttl_s: float, stamp: int) -> Sequence[bool]:
        await asyncio.sleep(0)
        return [self.is_down or self.claims.setdefault(key, token) == token for key in keys]

    async def hold(self, keys: Sequence[str], token: str, ttl_s: float) -> None:
        await asyncio.sleep(0)

    async def release(self, keys: Sequence[str], token: str) -> None:
        await asyncio.sleep(0)
        for key in keys:
            if self.claims.get(key) == token:
                del self.claims[key]

    async def keep(self, values: Mapping[str, tuple[bytes, float]], stamp: int) -> Sequence[bool]:
        await asyncio.sleep(0)
        if self.is_down:
            return [True] * len(values)
        kept = [self._replaced.get(key, 0) < stamp for key in values]
        self.values.update(
            {key: value for (key, (value, _)), is_kept in zip(values.items(), kept, strict=True) if is_kept}
        )
        return kept

    async def replace(self, values: Mapping[str, tuple[bytes, float] | None], message: bytes) -> bool:
        await asyncio.sleep(0)
        if self.is_down:
            return False
        self._time += 1
        for key, item in values.items():
            self._replaced[key] = self._time
            if item is None:
                self.values.pop(key, None)
            else:
                self.values[key] = item[0]
        if self.hears:
            for heard, _ in self._listeners:
                heard(message)
        return True

    async def listen(self, heard: Heard, linked: Linked) -> None:
        self._listeners.append((heard, linked))
        linked(True)
        await asyncio.get_running_loop().create_future()

    async def aclose(self) -> None: ...

    def break_off(self) -> None:
        """Nothing can be reached, and every listener knows."""
        self.is_down = True
        for _, linked in self._listeners:
            linked(False)

    def come_back(self) -> None:
        """All is reachable again; what was published meanwhile was heard by nobody."""
        self.is_down = False
        for _, linked in self._listeners:
            linked(True)
