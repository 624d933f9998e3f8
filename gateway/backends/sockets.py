"""Real sockets: requests that leave exactly as they were written, over connections that are used again."""

import ssl
from collections.abc import Awaitable, Mapping
from urllib.parse import urlsplit

import certifi

from gateway.backends.connections import Connections, HttpAnswer, head_bytes, headed_request_bytes


class SocketCarrier:
    """Carries requests to the server of one URL. No proxy, netrc or certificate variable of the host is looked at.

    `tls` replaces the public certificate authorities, for https.
    """

    def __init__(
        self, url: str, *, connect_timeout_s: float, max_answer_bytes: int, tls: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.hostname is None:
            raise ValueError(f"{url!r} names no host")
        is_https = parts.scheme == "https"
        if is_https and tls is None:
            tls = ssl.create_default_context(cafile=certifi.where())
        self._connections = Connections(
            parts.hostname,
            parts.port or (443 if is_https else 80),
            tls if is_https else None,
            connect_timeout_s=connect_timeout_s,
            max_body_bytes=max_answer_bytes,
        )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._headers = {
            "host": host if parts.port is None else f"{host}:{parts.port}",
            "user-agent": "task-gateway",
            "accept-encoding": "gzip, deflate",
        }
        # Nearly all calls to a backend bring the same headers, as the same object.
        self._latest_headers: Mapping[str, str] = {}
        self._latest_head = head_bytes(self._headers)

    @property
    def begins_at_once(self) -> bool:
        """Whether the next exchange sends before it waits for anything."""
        return self._connections.has_idle

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, may_repeat: bool
    ) -> Awaitable[HttpAnswer]:
        """The answer. `headers` are an object that is never changed.

        Raises WireError, OSError, TimeoutError when connecting takes too long.
        """
        if headers is not self._latest_headers:
            self._latest_head = head_bytes({**self._headers, **headers})
            self._latest_headers = headers
        request = headed_request_bytes(method, target, self._latest_head, body)
        return self._connections.exchange(request, may_repeat=may_repeat)

    async def aclose(self) -> None:
        """Closes every connection."""
        self._connections.close()
