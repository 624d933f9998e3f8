"""Storage: what replicas share, as bytes under keys. One implementation for Redis; tests bring their own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

# Hears a message that any replica, this one included, has published.
Heard: TypeAlias = Callable[[bytes], None]

# Hears that messages arrive from now on without a gap (True), or no longer do.
Linked: TypeAlias = Callable[[bool], None]


@dataclass(frozen=True)
class Found:
    """What is stored under the keys asked for. `stamp` is the storage's own time; None: it could not be asked."""

    stamp: int | None
    values: Sequence[bytes | None]


class Storage(Protocol):
    """Never raises: what cannot be reached is a miss, and every answer is there within 200 ms."""

    async def find(self, keys: Sequence[str]) -> Found:
        """The value of each key, None where there is none."""

    async def claim(self, keys: Sequence[str], token: str, ttl_s: float, stamp: int) -> Sequence[bool]:
        """Whether each key is now this token's to read; all are where the storage cannot be asked.

        A claim that arrives long after `stamp` claims nothing: whoever sent it has given up waiting.
        """

    async def hold(self, keys: Sequence[str], token: str, ttl_s: float) -> None:
        """Keeps the keys that are this token's for `ttl_s` more."""

    async def release(self, keys: Sequence[str], token: str) -> None:
        """Gives up the keys that are this token's."""

    async def keep(self, values: Mapping[str, tuple[bytes, float]], stamp: int) -> Sequence[bool]:
        """Stores each value for its seconds, unless the key was replaced since `stamp`; False where it was."""

    async def replace(self, values: Mapping[str, tuple[bytes, float] | None], message: bytes) -> bool:
        """Stores (None: removes) each value whatever is there, and publishes; what began before loses in `keep`."""

    def listen(self, heard: Heard, linked: Linked) -> Awaitable[None]:
        """Hears messages until cancelled, by itself again after every interruption."""

    async def aclose(self) -> None: ...
