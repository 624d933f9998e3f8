"""Both vendors emulated on loopback ports in this process, and a history of what each task was when."""

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp

from gateway.demo import ROSETTA_ACCESS_KEY, ROSETTA_SECRET_KEY, SCALE_KEY, DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta.seed import DEMO_CAMPAIGN, DEMO_REQUEST

# Scale's own words, and Rosetta's numbers, as the gateway normalizes them.
_SCENE_STATUSES = {2: "PENDING", 3: "IN_PROGRESS", 5: "IN_REVIEW", 9: "IN_QC", 11: "COMPLETED"}
_STATUSES = {"pending": "PENDING", "completed": "COMPLETED", "canceled": "CANCELED", "error": "FAILED"}


@dataclass
class History:
    """Every status that a task has had, and from when on, in seconds of the steady clock.

    A change takes place between two readings of the clock: from `before` on the new status may be seen, until `after`
    the old one.
    """

    changes: dict[str, list[tuple[float, float, str]]] = field(default_factory=dict)

    def note(self, task_id: str, before: float, after: float, status: str) -> None:
        self.changes.setdefault(task_id, []).append((before, after, status))

    def could_be(self, task_id: str, status: str, since: float, until: float) -> bool:
        """Whether the task had this status at some moment of that time."""
        changes = self.changes[task_id]
        for number, (before, _, had) in enumerate(changes):
            ended = changes[number + 1][1] if number + 1 < len(changes) else float("inf")
            if had == status and before <= until and ended >= since:
                return True
        return False


class Backends:
    """The emulators. `move` changes a task and writes it down; nothing else changes any."""

    def __init__(self) -> None:
        self.sandbox = DemoSandbox(SandboxClock())
        self.history = History()
        self.task_ids: list[str] = []
        self.scene_ids: list[str] = []
        self.environment: dict[str, str] = {}
        self._chance = random.Random(9)

    def watch_over(self, count: int) -> None:
        """Takes that many of Scale's tasks, each pending."""
        store = self.sandbox.scale.store
        for row in list(store.tasks()):
            if len(self.task_ids) == count:
                return
            status = _STATUSES.get(row.record["status"])
            if status not in ("PENDING", "COMPLETED"):
                continue
            now = time.monotonic()
            self.history.note(row.task_id, 0.0, now, status)
            self.task_ids.append(row.task_id)

    def move(self) -> str:
        """Completes one of them, or recalls it; which one is returned."""
        store, task_id = self.sandbox.scale.store, self._chance.choice(self.task_ids)
        before = time.monotonic()
        is_done = store.get(task_id).record["status"] == "completed"
        row = store.recall(task_id) if is_done else store.complete(task_id)
        self.history.note(task_id, before, time.monotonic(), _STATUSES[row.record["status"]])
        return task_id

    def watch_over_scenes(self, count: int) -> None:
        """Takes that many of the scenes of one of Rosetta's annotation requests."""
        request = self.sandbox.rosetta.store.annotation_request(DEMO_REQUEST)
        assert request is not None
        self.scene_ids = list(request.tasks)[:count]
        for scene_id in self.scene_ids:
            request.tasks[scene_id].pace = request.tasks[scene_id].moves_at = None
            self._move_scene(scene_id, 0.0)

    def move_scene(self) -> None:
        """Gives one of them another status."""
        self._move_scene(self._chance.choice(self.scene_ids), time.monotonic())

    def _move_scene(self, scene_id: str, before: float) -> None:
        number = self._chance.choice(list(_SCENE_STATUSES))
        self.sandbox.rosetta.store.set_status(DEMO_REQUEST, scene_id, number)
        self.history.note(scene_id, before, time.monotonic(), _SCENE_STATUSES[number])

    def selector(self, name: str) -> dict[str, object]:
        """How a client names a task of Scale's by its id, or a scene of Rosetta's."""
        if name not in self.scene_ids:
            return {"scaleTaskId": name}
        return {"rosetta": {"campaignId": DEMO_CAMPAIGN, "annotationRequestId": DEMO_REQUEST, "sceneId": name}}

    def status(self, task_id: str) -> str:
        """What the task is now, in the gateway's words."""
        return _STATUSES[self.sandbox.scale.store.get(task_id).record["status"]]

    async def keep_moving(self, moves_a_second: float) -> None:
        while True:
            self.move()
            if self.scene_ids:
                self.move_scene()
            await asyncio.sleep(1 / moves_a_second)


@asynccontextmanager
async def backends(tasks: int = 200) -> AsyncIterator[Backends]:
    """Both emulators, listening; `environment` points a gateway at them."""
    emulated = Backends()
    emulated.watch_over(tasks)
    async with _listening(emulated.sandbox.scale.app) as scale, _listening(emulated.sandbox.rosetta.app) as rosetta:
        emulated.environment = _environment(scale, rosetta)
        yield emulated


def _environment(scale: int, rosetta: int) -> dict[str, str]:
    settings: Mapping[str, str] = {
        "GATEWAY_SCALE__API_KEY": SCALE_KEY,
        "GATEWAY_SCALE__BASE_URL": f"http://127.0.0.1:{scale}/v1",
        "GATEWAY_ROSETTA__BASE_URL": f"http://127.0.0.1:{rosetta}/rosetta-open",
        "GATEWAY_ROSETTA__ACCESS_KEY": ROSETTA_ACCESS_KEY,
        "GATEWAY_ROSETTA__SECRET_KEY": ROSETTA_SECRET_KEY,
        "GATEWAY_AUTH__ANONYMOUS": "read+write",
        "GATEWAY_LOG_FORMAT": "json",
    }
    return dict(settings)


class _Quiet(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Ctrl-C is the benchmark's."""


@asynccontextmanager
async def _listening(app: ASGIApp) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = _Quiet(config)
    serving = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
