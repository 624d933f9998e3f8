"""Admission: who may come in, and how many streams one caller may hold open."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.auth import Authenticator
from gateway.execution.limits import Limits
from gateway.rate import RateLimit
from schema.context import Caller


class Admission:
    """Asks for credentials, counts requests, and counts open streams, by caller."""

    def __init__(self, authenticator: Authenticator, rate: RateLimit | None, limits: Limits) -> None:
        self._authenticator = authenticator
        self._rate = rate
        self._limits = limits
        self._streams: Counter[str] = Counter()

    async def admit(self, authorization: str | None, address: str) -> Caller:
        """The caller. Raises a Refusal UNAUTHENTICATED or RATE_LIMITED."""
        caller = await self.identify(authorization)
        await self.count(caller, address)
        return caller

    def known(self, authorization: str | None) -> Caller | None:
        """The caller, where nothing has to be asked or counted to admit it; None where it has."""
        return None if self._rate is not None else self._authenticator.known(authorization)

    async def identify(self, authorization: str | None) -> Caller:
        """The caller, uncounted. Raises a Refusal UNAUTHENTICATED."""
        return await self._authenticator.caller_of(authorization)

    async def count(self, caller: Caller, address: str) -> None:
        """Counts one request. Raises a Refusal RATE_LIMITED."""
        if self._rate is not None:
            await self._rate.admit(_key(caller, address))

    @contextmanager
    def stream(self, caller: Caller, address: str) -> Iterator[None]:
        """Holds one of the caller's open streams. Raises a Refusal TOO_COMPLEX when there are too many."""
        key, most = _key(caller, address), self._limits.values.sockets
        if self._streams[key] >= most:
            raise self._limits.too_complex("sockets", self._streams[key] + 1, most)
        self._streams[key] += 1
        try:
            yield
        finally:
            self._streams[key] -= 1
            if not self._streams[key]:
                del self._streams[key]


def _key(caller: Caller, address: str) -> str:
    """Callers without a name share one: their addresses tell them apart."""
    return caller.name if caller.name != "anonymous" else f"anonymous@{address}"
