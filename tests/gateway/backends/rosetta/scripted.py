"""A Rosetta whose answers a test writes down: a wire in process that notes every request."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import httpx
import orjson

from gateway.backends.base import Outcome
from gateway.backends.rosetta import RosettaClient, rosetta_backend
from gateway.backends.transport import Limits
from schema.errors import GatewayError
from schema.references import RosettaTaskReference
from tests.fakes import CountingObserver, rosetta

ACCESS_KEY = "example-access-key"
SECRET_KEY = "example-secret-key"
# The moment of the second documented signature: 1742846400000 ms.
NOW = datetime(2025, 3, 24, 20, 0, tzinfo=UTC)
REQUEST_ID = "0f9b3c5de2a84c6f9b1d7a3e5c8f2b46"
RECORDS = Path(__file__).parents[3] / "records" / "rosetta"

ALONE = "POST /task/get"
REQUEST = "GET /annotation-request"
PAGE = "GET /statistics"

Script: TypeAlias = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


class ScriptedRosetta:
    """Answers each path from its script; a path without one is a plain 404."""

    def __init__(self, *, timeout_s: float = 5.0) -> None:
        self.requests: list[httpx.Request] = []
        self.observer = CountingObserver()
        self.now = NOW
        self._scripts: dict[str, Script] = {}
        self.client: RosettaClient = rosetta_backend(
            "https://rosetta.example/rosetta-open",
            ACCESS_KEY,
            SECRET_KEY,
            limits=Limits(timeout_s=timeout_s),
            observer=self.observer,
            wire=httpx.MockTransport(self._answer),
            now=lambda: self.now,
        )

    def on(self, path: str, *answers: httpx.Response | Script) -> None:
        """Answers requests to `path` in turn; the last answer stays."""
        left = list(answers)

        def script(request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response]:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if callable(answer):
                return answer(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

        self._scripts[path] = script

    def paths(self) -> list[str]:
        """Method and path of every request, in order."""
        return [f"{request.method} {_path(request)}" for request in self.requests]

    def count(self, path: str) -> int:
        """How many requests went to "GET /statistics" and the like."""
        return self.paths().count(path)

    @property
    def misfits(self) -> list[str]:
        return [field for _, field in self.observer.misfits]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        script = self._scripts.get(_path(request))
        if script is None:
            return httpx.Response(404, text="Not Found")
        answer = script(request)
        return answer if isinstance(answer, httpx.Response) else await answer


class ScriptedRequest:
    """The scripts of one annotation request: scenes that are tasks (with their status), that failed, that wait.

    `row_id` makes a row's id of a task's id; None leaves the row out.
    """

    def __init__(
        self,
        statuses: Mapping[str, object],
        *,
        failed: Mapping[str, str] | None = None,
        waiting: tuple[str, ...] = (),
        state: str = "FINISHED",
        campaign_id: str | None = "campaign",
        row_id: Callable[[str], str | None] = lambda task_id: task_id,
    ) -> None:
        self.statuses = dict(statuses)
        self.task_ids = {scene: str(466917967054114816 + place) for place, scene in enumerate(statuses)}
        self.failed = dict(failed or {})
        self.waiting = waiting
        self.state = state
        self.campaign_id = campaign_id
        self.row_id = row_id

    def install(self, rosetta: ScriptedRosetta) -> None:
        rosetta.on("/annotation-request", lambda _: success(self.annotation_request()))
        rosetta.on("/statistics", self.statistics)
        rosetta.on("/task/get", self.task)

    def annotation_request(self) -> dict[str, object]:
        scenes = [*self.statuses, *self.failed, *self.waiting]
        return {
            "status": self.state,
            "successTaskMap": {task_id: scene for scene, task_id in self.task_ids.items()},
            "errorSceneIdMap": self.failed,
            "annotationRequestInfo": {
                "annotationRequestId": "request",
                "annotationRequestName": "Request",
                "campaignId": self.campaign_id,
                "sceneIdMap": {scene: f"gs://bucket/{place}.json" for place, scene in enumerate(scenes)},
                "operatorKeys": None,
            },
        }

    def rows(self) -> list[dict[str, object]]:
        ids = {scene: self.row_id(task_id) for scene, task_id in self.task_ids.items()}
        return [
            {"id": int(row_id), "status": self.statuses[scene], "campaignId": 1001}
            for scene, row_id in ids.items()
            if row_id is not None
        ]

    def statistics(self, request: httpx.Request) -> httpx.Response:
        page, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        rows = self.rows()
        return success({"count": len(rows), "data": rows[(page - 1) * limit : page * limit]})

    def task(self, request: httpx.Request) -> httpx.Response:
        scene = json.loads(request.content)["sceneId"]
        if scene not in self.statuses:
            return failure(56001)
        return success({"viewUrl": f"https:/view/{scene}", "status": self.statuses[scene]})


def envelope(code: object, data: object = None, *, success: object = None) -> dict[str, object]:
    """An envelope; `success` fits the code unless told."""
    return {
        "code": code,
        "message": "SECRET vendor text",
        "data": data,
        "date": "2025-03-25 04:00:00",
        "requestId": REQUEST_ID,
        "success": code == 2000 if success is None else success,
    }


def success(data: object) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(envelope(2000, data)).encode())


def failure(code: int, http_status: int = 200) -> httpx.Response:
    return httpx.Response(http_status, content=orjson.dumps(envelope(code)))


def recorded(name: str) -> httpx.Response:
    """The answer kept under tests/records/rosetta."""
    return httpx.Response(200, content=(RECORDS / f"{name}.json").read_bytes())


def _path(request: httpx.Request) -> str:
    return request.url.raw_path.decode().partition("?")[0].removeprefix("/rosetta-open")


def scenes(number: int) -> dict[str, object]:
    return {f"scene-{place}": 3 for place in range(number)}


def references(number: int) -> list[RosettaTaskReference]:
    return [rosetta(f"scene-{place}") for place in range(number)]


def seen(outcomes: Sequence[Outcome]) -> list[str | None]:
    """What each outcome is: a status with the backend's own value, a code, or None."""
    return [_seen(outcome) for outcome in outcomes]


def _seen(outcome: Outcome) -> str | None:
    if isinstance(outcome, GatewayError):
        return outcome.code.name
    if outcome is None:
        return None
    return f"{outcome.status.name} {outcome.backend_status.value if outcome.backend_status else 'derived'}"


def calls(rosetta_api: ScriptedRosetta) -> tuple[int, int, int]:
    """Single reads, reads of an annotation request, pages of statistics."""
    return rosetta_api.count(ALONE), rosetta_api.count(REQUEST), rosetta_api.count(PAGE)


async def never(_: httpx.Request) -> httpx.Response:
    """An answer that does not come."""
    await asyncio.Event().wait()
    raise AssertionError
