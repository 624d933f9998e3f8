"""Real sockets: aiohttp under httpx, with URLs that leave exactly as they were written."""

from typing import Any, cast

import aiohttp
from httpx_aiohttp import AiohttpTransport
from yarl import URL


class SocketWire(AiohttpTransport):
    """aiohttp would decode "%2E%2E" to ".." and resolve it: a customer's name would reach another path."""

    _session: "_ExactSession | None" = None

    def get_client(self) -> aiohttp.ClientSession:
        # Called for every request, as what it returns is no ClientSession but does what is asked of one.
        if self._session is None:
            self._session = _ExactSession(super().get_client())
        return cast(aiohttp.ClientSession, self._session)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _ExactSession:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    # Whatever this returns, the transport enters it: aiohttp's own annotation of it is private.
    def request(self, *, method: str, url: str, **options: Any) -> Any:
        return self._session.request(method, URL(url, encoded=True), **options)

    async def close(self) -> None:
        await self._session.close()
