"""The tasks a fresh Scale emulator starts with: many, varied, and the same each time relative to the clock."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gateway.sandbox.links import SceneLink
from gateway.sandbox.scale.emulator import ScaleSandbox
from gateway.sandbox.scale.results import failed_attachment, failed_frame
from gateway.sandbox.scale.seed_words import (
    AUDITORS,
    BATCHES,
    CALLBACK_URLS,
    EXTRA_FIELDS,
    INSTRUCTIONS,
    METADATA,
    PROJECTS,
    STATUSES,
    TAGS,
    UNIQUE_IDS,
)
from gateway.sandbox.scale.store import Record
from gateway.sandbox.scale.wire import format_time

DEMO_PENDING = "5ca1ab1e0000000000000001"
"""Pending, no work started: can be canceled."""
DEMO_COMPLETED = "5ca1ab1e0000000000000002"
"""Completed, audited, redone once: can be reviewed."""
DEMO_CANCELED = "5ca1ab1e0000000000000003"
DEMO_ERROR = "5ca1ab1e0000000000000004"
DEMO_MOVING = "5ca1ab1e0000000000000005"
"""Completed and recalled in turn, every 20 seconds."""
DEMO_STARTED = "5ca1ab1e0000000000000006"
"""Pending, but work has started: canceling it is refused."""

DEMO_TASK_IDS = (DEMO_PENDING, DEMO_COMPLETED, DEMO_CANCELED, DEMO_ERROR, DEMO_MOVING, DEMO_STARTED)

_SEED = 20_240_517
_MOVING_PERIOD_S = 20.0
# Two runs of equal creation times: one longer than a page of 100, the other across the border of the first.
_TIES = (range(90, 98), range(400, 530))
_STEP = timedelta(minutes=7, milliseconds=331)


def seed_scale(sandbox: ScaleSandbox, *, links: Sequence[SceneLink], size: int = 2000) -> None:
    """Fills the emulator with projects, batches, the demo tasks, one task per link, and `size` others.

    Ids and contents are the same in every run; times count back from the clock's now.
    """
    _Seeder(sandbox).fill(links, size)


class _Seeder:
    def __init__(self, sandbox: ScaleSandbox) -> None:
        self._sandbox = sandbox
        self._store = sandbox.store
        self._now = sandbox.clock.now()
        self._rng = random.Random(_SEED)  # noqa: S311 - made-up data, not secrets
        self._unique_ids: set[str] = set()

    def fill(self, links: Sequence[SceneLink], size: int) -> None:
        self._add_places()
        self._add_demo_tasks()
        for position, link in enumerate(links):
            self._add_linked(position, link)
        for position in range(size):
            self._add_other(position)

    def _add_places(self) -> None:
        for age, (name, task_type) in enumerate(PROJECTS.items()):
            created_at = format_time(self._now - timedelta(days=400 - age))
            history = [
                {"version": version, "created_at": created_at, "instruction": f"{INSTRUCTIONS[task_type]} v{version}"}
                for version in range(age)
            ]
            self._store.add_project(
                name, type=task_type, created_at=created_at, param_history=history, archived=age == len(PROJECTS) - 1
            )
        for age, (name, (project, status)) in enumerate(BATCHES.items()):
            created_at = format_time(self._now - timedelta(days=90 - age))
            self._store.add_batch(name, project, status=status, created_at=created_at)

    def _add_demo_tasks(self) -> None:
        self._demo(DEMO_PENDING, 1, status="pending")
        self._demo(
            DEMO_COMPLETED,
            2,
            status="completed",
            tags=["golden", "night"],
            unique_id="demo/completed 1.png",
            times_redone=1,
            customer_review_status="fixed",
            audits=[self._audit("fixed", "customer"), self._audit("accepted", "scale")],
        )
        self._demo(DEMO_CANCELED, 3, status="canceled")
        reason = failed_attachment("Attachment could not be fetched", "https://files.example.com/missing.png")
        self._demo(DEMO_ERROR, 4, status="error", response=reason)
        self._demo(DEMO_MOVING, 5, status="pending")
        self._demo(DEMO_STARTED, 6, status="pending", work_started=True)
        self._sandbox.lifecycle.swing(DEMO_MOVING, _MOVING_PERIOD_S)

    def _demo(self, task_id: str, minutes: int, **fields: Any) -> None:
        project = "highway-night"
        params = {"attachment": f"https://files.example.com/demo/{minutes}.png"}
        self._store.add_task(
            task_id=task_id,
            moves=False,
            created_at=self._now - timedelta(minutes=minutes),
            type=PROJECTS[project],
            instruction=INSTRUCTIONS[PROJECTS[project]],
            project=project,
            batch="night week 1",
            params=params,
            **fields,
        )

    def _add_linked(self, position: int, link: SceneLink) -> None:
        """A scene's task says so by its unique id, by its metadata, or by both."""
        fields = self._plain_fields(position, "multistage", "車両", None)
        if position % 4 != 2 and link.scene_id not in self._unique_ids:
            fields["unique_id"] = self._claimed(link.scene_id)
        if position % 4 in (1, 2) or "unique_id" not in fields:
            fields["metadata"] = {
                "campaignId": link.campaign_id,
                "annotationRequestId": link.annotation_request_id,
                "sceneId": link.scene_id,
            }
        self._add(position, timedelta(hours=1) + position * _STEP, fields)

    def _add_other(self, position: int) -> None:
        batch = self._rng.choice([None, *BATCHES])
        project = BATCHES[batch][0] if batch else self._rng.choice(list(PROJECTS))
        fields = self._plain_fields(position, PROJECTS[project], project, batch)
        self._decorate(position, fields)
        tied = next((run.start for run in _TIES if position in run), position)
        self._add(position, timedelta(minutes=10) + tied * _STEP, fields)

    def _plain_fields(self, position: int, task_type: str, project: str, batch: str | None) -> Record:
        fields: Record = {
            "type": task_type,
            "instruction": INSTRUCTIONS[task_type],
            "project": project,
            "status": STATUSES[self._rng.randrange(len(STATUSES))],
            "params": {"attachment": f"https://files.example.com/{position:05d}.png"},
            "metadata": {"row": position},
        }
        if task_type == "multistage":
            fields["params"] = {}
        return fields | ({"batch": batch} if batch else {})

    def _decorate(self, position: int, fields: Record) -> None:
        """The rarer fields, each on some of the tasks."""
        if position % 3 == 0:
            fields["tags"] = self._rng.sample(TAGS, self._rng.randrange(1, 6))
        if position % 5 == 0:
            fields["unique_id"] = self._claimed(f"customer-{position:05d}")
        if position % 7 == 0:
            fields["callback_url"] = self._rng.choice(CALLBACK_URLS)
        if position % 11 == 0:
            fields["priority"] = self._rng.choice((10, 20, 30))
        if position % 13 == 0:
            fields["project_param_version"] = self._rng.choice((None, 0, 1))
        if position % 17 == 0:
            fields.update(self._rng.choice(EXTRA_FIELDS))
        if position < len(UNIQUE_IDS):
            fields["unique_id"] = self._claimed(UNIQUE_IDS[position])
        if 20 <= position < 20 + len(METADATA):
            fields["metadata"] = METADATA[position - 20]
        if position in (40, 41):
            fields["tags"] = None
        if position in (50, 51):
            fields["status"] = ("in_progress", "deleted")[position - 50]

    def _add(self, position: int, age: timedelta, fields: Record) -> None:
        created_at = self._now - age
        worked_on = min(timedelta(hours=self._rng.randrange(1, 72)), age - timedelta(minutes=1))
        done_at = format_time(created_at + worked_on)
        if fields["status"] != "pending":
            fields["updated_at"] = done_at
        if fields["status"] == "completed":
            fields["completed_at"] = done_at
            fields.update(self._review(position))
        if fields["status"] == "error" and position % 2:
            fields["response"] = failed_frame("Frame is not readable", 3, "https://files.example.com/f/3.bin")
        self._store.add_task(
            task_id=f"{self._rng.getrandbits(96):024x}",
            created_at=created_at,
            work_started=fields["status"] == "pending" and self._rng.random() < 0.4,
            **fields,
        )

    def _review(self, position: int) -> Record:
        if position % 4:
            return {}
        result = self._rng.choice(("accepted", "fixed", "rejected"))
        review: Record = {
            "customer_review_status": "commented" if position % 40 == 0 else result,
            "audits": [self._audit(result, "customer")],
        }
        if position % 8 == 0:
            review["times_redone"] = self._rng.randrange(1, 4)
            review["audits"].append(self._audit("accepted", "scale"))
        return review

    def _audit(self, result: str, source: str) -> Record:
        return {
            "audited_by": self._rng.choice(AUDITORS[source]),
            "audited_at": format_time(self._now - timedelta(minutes=self._rng.randrange(1, 600))),
            "audit_time_secs": self._rng.randrange(20, 900),
            "audit_result": result,
            "audit_source": source,
        }

    def _claimed(self, unique_id: str) -> str:
        self._unique_ids.add(unique_id)
        return unique_id
