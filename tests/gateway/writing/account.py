"""A small account at Scale with one task of each kind: seeding the demo's thousands would cost each test a second."""

from datetime import UTC, datetime
from typing import Any

from gateway.demo import ROSETTA_ACCESS_KEY, ROSETTA_SECRET_KEY, SCALE_KEY, DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta import RosettaSandbox
from gateway.sandbox.scale import ScaleOptions, ScaleSandbox
from gateway.sandbox.scale.seed import DEMO_CANCELED, DEMO_COMPLETED, DEMO_ERROR, DEMO_PENDING, DEMO_STARTED

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROSETTA_BY = {"rosetta": {"campaignId": "c", "annotationRequestId": "r", "sceneId": "s"}}

PENDING = {"scaleTaskId": DEMO_PENDING}
COMPLETED = {"scaleTaskId": DEMO_COMPLETED}
CANCELED = {"scaleTaskId": DEMO_CANCELED}
FAILED = {"scaleTaskId": DEMO_ERROR}
STARTED = {"scaleTaskId": DEMO_STARTED}


class SmallSandbox(DemoSandbox):
    """One pending, completed, canceled, failed and started task each; project "road" with batch "road 1"."""

    def __init__(self, **options: Any) -> None:
        clock = SandboxClock.manual(NOON)
        self.scale = ScaleSandbox(clock, api_key=SCALE_KEY, options=ScaleOptions(**options))
        self.rosetta = RosettaSandbox(clock, access_key=ROSETTA_ACCESS_KEY, secret_key=ROSETTA_SECRET_KEY)
        store = self.scale.store
        store.add_project("road", type="multistage")
        store.add_batch("road 1", "road")
        store.add_task(task_id=DEMO_PENDING, tags=["night", "rain"], unique_id="frames/a b.png", metadata={"lane": 3})
        store.add_task(task_id=DEMO_COMPLETED, status="completed")
        store.add_task(task_id=DEMO_CANCELED, status="canceled", unique_id="withdrawn")
        store.add_task(task_id=DEMO_ERROR, status="error")
        store.add_task(task_id=DEMO_STARTED, work_started=True)
