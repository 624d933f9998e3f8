"""Faults on request: what real backends and the network between do wrong, in front of an emulator.

Each `Fault` names a kind; the first one that fits a request is played.

| kind | what the client gets | does the emulator execute the request? |
| --- | --- | --- |
| status | `status` with `body`, perhaps `Retry-After` | no |
| html | an HTML page with 502 (or `status`) | no |
| slow | the right answer after `seconds` | yes, after the wait |
| hang | nothing for an hour, or until the client goes | no |
| half | the right answer cut in the middle of its body | yes |
| drop | the connection closes without an answer | no |
| status_after | `status` with `body` | yes |
| drop_after | the connection closes without an answer | yes |
| slow_after | the right answer, `seconds` late | yes, before the wait |
| plain_ok | 200, text/plain, `OK` | yes |
| malformed | 200 and JSON of a shape nobody expects (or `body`) | no |
| oversized | 200 and `size` bytes of valid JSON, streamed | no |
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.connection import drop, halve, read_body, replay
from gateway.sandbox.recorder import Recorder, SeenRequest, matches

__all__ = ["FAULT_IN_SCOPE", "Fault", "FaultKind", "Faults", "Recorder", "SeenRequest"]

FaultKind = Literal[
    "status",
    "html",
    "slow",
    "hang",
    "half",
    "drop",
    "status_after",
    "drop_after",
    "slow_after",
    "plain_ok",
    "malformed",
    "oversized",
]

FAULT_IN_SCOPE = "gateway.sandbox.fault"
"""Key of the ASGI scope under which an executing emulator finds the fault that will replace its answer."""

_HANG_S = 3600
_CHUNK = b"a" * 65_536
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Fault:
    """One thing to do wrong. `method`, `path` and `query` choose the requests, None all of them.

    `path` and `query` are regular expressions, found in the request's own spelling of them.
    """

    kind: FaultKind
    status: int | None = None
    """Of status and status_after (default 503) and html (default 502)."""
    retry_after: str | int | None = None
    """Value of a `Retry-After` header for status, html and status_after."""
    body: bytes | None = None
    """Instead of the kind's own body."""
    content_type: str = "application/json"
    seconds: float = 1.0
    """Of slow and slow_after."""
    size: int = 21 * 1024 * 1024
    """Of oversized, in bytes: more than 20 MB."""
    method: str | None = None
    path: str | None = None
    query: str | None = None
    times: int | None = None
    """None plays for ever, N for the next N requests that fit."""
    probability: float = 1.0


@dataclass
class _Armed:
    fault: Fault
    left: int | None


@dataclass(frozen=True)
class _Exchange:
    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send

    async def execute(self) -> list[Message]:
        """Runs the emulator and keeps its answer instead of sending it."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(self.scope, self.receive, keep)
        return messages


class Faults:
    """The faults of one emulator, its request log and its constant latency.

    Waits are real seconds unless `sleep` says otherwise, so that they can outlast a client's real timeout while a
    manual clock stands still. `error_body` makes the body of a status fault in the backend's own form.
    """

    def __init__(
        self,
        clock: SandboxClock | None = None,
        *,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        error_body: Callable[[int], bytes] | None = None,
    ) -> None:
        self.recorder = Recorder()
        self.latency_s = 0.0
        self.sleep = sleep
        self._clock = clock
        self._rng = rng or random.Random(0)  # noqa: S311 - chance for tests, not for secrets
        self._error_body = error_body or _plain_error_body
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> Fault:
        """Arms a fault behind those already armed."""
        self._armed.append(_Armed(fault, fault.times))
        return fault

    def clear(self) -> None:
        """Disarms every fault; the request log stays."""
        self._armed.clear()

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """The app with these faults and this request log in front of it."""

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            body = await read_body(receive)
            if body is None:
                return
            request = self._record(scope, body)
            if self.latency_s > 0:
                await self.sleep(self.latency_s)
            fault = self._pick(request)
            await self._play(fault, _Exchange(app, scope, replay(body, receive), send))

        return faulty

    def status_of(self, fault: Fault) -> tuple[int, bytes]:
        """The status and body that a status or status_after fault answers with."""
        status = fault.status or 503
        return status, self._error_body(status) if fault.body is None else fault.body

    def _record(self, scope: Scope, body: bytes) -> SeenRequest:
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        request = SeenRequest(
            method=scope["method"],
            path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            at=self._clock.now() if self._clock else datetime.now(UTC),
        )
        self.recorder.add(request)
        return request

    def _pick(self, request: SeenRequest) -> Fault | None:
        for armed in self._armed:
            fault = armed.fault
            if armed.left == 0 or not matches(request, fault.method, fault.path, fault.query):
                continue
            if fault.probability < 1 and self._rng.random() >= fault.probability:
                continue
            if armed.left is not None:
                armed.left -= 1
            return fault
        return None

    async def _play(self, fault: Fault | None, exchange: _Exchange) -> None:
        if fault is None:
            await exchange.app(exchange.scope, exchange.receive, exchange.send)
            return
        exchange.scope[FAULT_IN_SCOPE] = fault
        match fault.kind:
            case "slow":
                await self.sleep(fault.seconds)
                await exchange.app(exchange.scope, exchange.receive, exchange.send)
            case "slow_after":
                messages = await exchange.execute()
                await self.sleep(fault.seconds)
                await _forward(messages, exchange.send)
            case "half":
                await halve(await exchange.execute(), exchange.receive, exchange.send)
            case "drop_after":
                await exchange.execute()
                await drop(exchange.receive, exchange.send)
            case "drop":
                await drop(exchange.receive, exchange.send)
            case "hang":
                await _hang(exchange)
            case "oversized":
                await _stream(fault.size, exchange.send)
            case "status_after" | "plain_ok":
                await exchange.execute()
                await self._replace(fault, exchange.send)
            case _:
                await self._replace(fault, exchange.send)

    async def _replace(self, fault: Fault, send: Send) -> None:
        status, body = self.status_of(fault)
        content_type = fault.content_type
        if fault.kind == "html":
            status, body = fault.status or 502, fault.body or _HTML
            content_type = "text/html; charset=utf-8"
        elif fault.kind == "plain_ok":
            status, body, content_type = 200, b"OK", "text/plain; charset=utf-8"
        elif fault.kind == "malformed":
            status, body = 200, b'["unexpected"]' if fault.body is None else fault.body
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        if fault.retry_after is not None:
            headers.append((b"retry-after", str(fault.retry_after).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _plain_error_body(status: int) -> bytes:
    return json.dumps({"error": f"Fault injected: {status}"}).encode()


async def _forward(messages: list[Message], send: Send) -> None:
    for message in messages:
        await send(message)


async def _hang(exchange: _Exchange) -> None:
    try:
        async with asyncio.timeout(_HANG_S):
            while (await exchange.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        await drop(exchange.receive, exchange.send)


async def _stream(size: int, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"padding":"', "more_body": True})
    left = size
    while left > 0:
        await send({"type": "http.response.body", "body": _CHUNK[:left], "more_body": True})
        left -= len(_CHUNK)
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b'"}'})
