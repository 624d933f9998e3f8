"""Tracing: what is told of requests, operations and backend calls. Nothing, unless `gateway.otel` is put in place."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Protocol

Headers = Iterable[tuple[bytes, bytes]]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_NOTHING: AbstractContextManager[None] = nullcontext()
_NO_CALL: AbstractContextManager[Mapping[str, str]] = nullcontext(_NO_HEADERS)


class CallTracing(Protocol):
    """Hears of each try of a call to a backend."""

    def call(self, backend: str, endpoint: str, url: str) -> AbstractContextManager[Mapping[str, str]]:
        """Around one try: gives the headers that carry the trace on, none for a host that is not on the list."""


class Tracing(CallTracing, Protocol):
    """Spans around what the gateway does. There is none for a field."""

    def request(self, method: str, path: str, headers: Headers) -> AbstractContextManager[None]:
        """Around one HTTP request to /graphql, or one WebSocket."""

    def operation(self, kind: str, name: str | None, *, is_stream: bool) -> AbstractContextManager[None]:
        """Around one operation."""

    def close(self) -> None:
        """Sends what is still waiting."""


class NoTracing:
    """Costs next to nothing."""

    def request(self, method: str, path: str, headers: Headers) -> AbstractContextManager[None]:
        return _NOTHING

    def operation(self, kind: str, name: str | None, *, is_stream: bool) -> AbstractContextManager[None]:
        return _NOTHING

    def call(self, backend: str, endpoint: str, url: str) -> AbstractContextManager[Mapping[str, str]]:
        return _NO_CALL

    def close(self) -> None:
        return
