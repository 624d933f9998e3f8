"""A Scale whose answers a test writes down: a wire in process that notes every request."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import httpx

from gateway.backends.scale import ScaleClient, scale_backend
from gateway.backends.transport import Limits
from tests.fakes import CountingObserver, quick_guard

API_KEY = "test_example_key"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORDS = Path(__file__).parents[3] / "records" / "scale"
TASK_ID = "5774cc78b01249ab09f089dd"

Script: TypeAlias = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


class ScriptedScale:
    """Answers every request from `script`, and has a client that asks it."""

    def __init__(self, script: Script, *, limits: Limits | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.observer = CountingObserver()
        self._script = script
        self.client: ScaleClient = scale_backend(
            "https://api.scale.example/v1",
            API_KEY,
            limits=limits or Limits(timeout_s=5.0),
            observer=self.observer,
            wire=httpx.MockTransport(self._answer),
            now=lambda: NOW,
            guard=quick_guard(),
        )

    @property
    def targets(self) -> list[str]:
        """Method, path and query of every request as they stand on the wire."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    @property
    def misfits(self) -> list[str]:
        return [field for _, field in self.observer.misfits]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._script(request)
        return answer if isinstance(answer, httpx.Response) else await answer


def answering(status: int = 200, body: bytes = b"", **headers: str) -> ScriptedScale:
    """A Scale that answers everything alike; `retry_after` is the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ScriptedScale(lambda request: httpx.Response(status, content=body, headers=named))


def recorded(name: str) -> bytes:
    """The documented answer kept under tests/records/scale."""
    return (RECORDS / f"{name}.json").read_bytes()


def page(*docs: object, next_token: str | None = None, **more: object) -> httpx.Response:
    """A page of `GET /tasks`."""
    answer = {"docs": docs, "total": len(docs), "limit": 100, "has_more": next_token is not None, **more}
    if next_token is not None:
        answer["next_token"] = next_token
    return httpx.Response(200, content=json.dumps(answer).encode())


def record(task_id: str, **more: object) -> dict[str, object]:
    """The record of a pending task."""
    return {"task_id": task_id, "type": "imageannotation", "status": "pending", "params": {}, "metadata": {}, **more}
