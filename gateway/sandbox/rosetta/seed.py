"""Fills an emulated Rosetta as the plan says: the same data each time, with times relative to the clock.

The constants re-exported here are the ids that documentation and examples may rely on.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.sandbox.faults import Fault
from gateway.sandbox.links import SceneLink
from gateway.sandbox.rosetta.emulator import RosettaSandbox
from gateway.sandbox.rosetta.lifecycle import FORWARD, SIDEWAYS, Move, path_to
from gateway.sandbox.rosetta.records import AnnotationRequest, SceneTask
from gateway.sandbox.rosetta.seed_plan import (
    BULK_REQUEST,
    CAMPAIGNS,
    CONFLICT_REQUEST,
    CONFLICT_SCENE,
    DEMO_CAMPAIGN,
    DEMO_CAMPAIGN_NAME,
    DEMO_FAILED_SCENE,
    DEMO_FOLDER,
    DEMO_MOVING_SCENE,
    DEMO_REQUEST,
    DEMO_SCENE,
    FAILED_REQUEST,
    MOVING,
    ODD_CAMPAIGN,
    ODD_CAMPAIGN_NAME,
    ODD_REQUEST,
    ODD_SCENE_IDS,
    OUTAGE_REQUEST,
    OUTAGE_RETRY_AFTER_S,
    PROCESSING_REQUEST,
    REQUESTS,
    SINGLE_REQUEST,
    SLOW,
    RequestPlan,
)
from gateway.sandbox.rosetta.store import RosettaStore
from gateway.sandbox.rosetta.vocabulary import Status

__all__ = [
    "BULK_REQUEST",
    "CONFLICT_REQUEST",
    "CONFLICT_SCENE",
    "DEMO_CAMPAIGN",
    "DEMO_CAMPAIGN_NAME",
    "DEMO_FAILED_SCENE",
    "DEMO_FOLDER",
    "DEMO_MOVING_SCENE",
    "DEMO_REQUEST",
    "DEMO_SCENE",
    "FAILED_REQUEST",
    "ODD_CAMPAIGN",
    "ODD_CAMPAIGN_NAME",
    "ODD_REQUEST",
    "ODD_SCENE_IDS",
    "OUTAGE_REQUEST",
    "PROCESSING_REQUEST",
    "SAMPLE_VIEW_URL",
    "SINGLE_REQUEST",
    "seed_rosetta",
]

SAMPLE_VIEW_URL = "https:/${domain}/rosetta-open/task/1234/234234123133374715904/viewOnly"
"""The vendor's sample: one slash, the placeholder left in, and a number beyond 64 bits."""

TAXONOMY = "road-objects-v3"
OPERATOR_KEYS = frozenset({"car", "pedestrian", "traffic-sign"})
DETOUR_SHARE = 0.06
FRAMES = (1, 1, 1, 20, 40)


def seed_rosetta(sandbox: RosettaSandbox) -> Sequence[SceneLink]:
    """Adds four campaigns, twelve annotation requests and one that cannot be asked about.

    Returns the scenes that Scale shall know too.
    """
    store = sandbox.store
    store.taxonomies[TAXONOMY] = OPERATOR_KEYS
    for campaign in CAMPAIGNS:
        store.add_campaign(
            campaign.campaign_id,
            campaign.campaign_name,
            workflow_type=campaign.workflow_type,
            taxonomy_version_name=TAXONOMY,
            folder_name=campaign.folder_name,
            campaign_type=campaign.campaign_type,
        )
    links: list[SceneLink] = []
    for number, plan in enumerate(REQUESTS):
        chance = random.Random(number)  # noqa: S311 - repeatable, not secret
        _add_request(store, plan, chance, sandbox.clock.now())
        links += _links(plan)
    _add_specimens(store)
    sandbox.faults.add(_outage())
    return links


def _add_request(store: RosettaStore, plan: RequestPlan, chance: random.Random, now: datetime) -> None:
    request = store.add_annotation_request(
        plan.annotation_request_id,
        plan.campaign_id,
        {scene_id: _source(plan, scene_id) for scene_id in plan.scene_ids},
        name=plan.name,
        operator_keys=sorted(OPERATOR_KEYS) if len(plan.scene_ids) > 100 else None,
        import_s=plan.import_s,
        started_at=now - timedelta(seconds=plan.age_s),
    )
    for index, task in enumerate(request.tasks.values()):
        task.frame_count = chance.choice(FRAMES)
        status = plan.statuses[index % len(plan.statuses)]
        _walk(store, task, _history_path(status, chance), chance, now)
    _set_paces(store, plan, request)


def _source(plan: RequestPlan, scene_id: str) -> str:
    ending = "bag" if scene_id in plan.broken_scene_ids else "json"
    return f"gs://sandbox-sources/{plan.campaign_id}/{plan.scene_ids.index(scene_id):04}.{ending}"


def _history_path(status: int, chance: random.Random) -> list[Move]:
    """The way to a status, for some tasks with one way back and up again."""
    path: list[Move] = []
    for move in path_to(status):
        path.append(move)
        if move.status in (Status.REVIEWING, Status.IN_QC) and chance.random() < DETOUR_SHARE:
            path += _detour(move.status)
    return path


def _detour(status: int) -> list[Move]:
    detour = [SIDEWAYS[status][0]]
    while detour[-1].status != status:
        detour.append(FORWARD[detour[-1].status])
    return detour


def _walk(store: RosettaStore, task: SceneTask, path: Sequence[Move], chance: random.Random, now: datetime) -> None:
    """Moves a task along a path, between its creation and a little before now."""
    created_at = task.history[0].at
    span = (now - created_at) * chance.uniform(0.2, 0.98)
    for index, move in enumerate(path, start=1):
        store.move(task, move.status, action=move.action, at=created_at + span * index / len(path))


def _set_paces(store: RosettaStore, plan: RequestPlan, request: AnnotationRequest) -> None:
    if not plan.moving_every:
        return
    for scene_id in [*request.tasks][plan.moving_every - 1 :: plan.moving_every]:
        store.set_pace(plan.annotation_request_id, scene_id, SLOW)


def _links(plan: RequestPlan) -> list[SceneLink]:
    return [
        SceneLink(
            campaign_id=plan.campaign_id,
            annotation_request_id=plan.annotation_request_id,
            scene_id=scene_id,
        )
        for scene_id in plan.scene_ids[: plan.links]
    ]


def _outage() -> Fault:
    """A part of Rosetta that is down, and says for how long: a wait that no caller sits out, so it is asked once."""
    named = rf"(^|&)annotationRequestId={OUTAGE_REQUEST}($|&)"
    return Fault(kind="status", status=503, retry_after=OUTAGE_RETRY_AFTER_S, query=named)


def _add_specimens(store: RosettaStore) -> None:
    """The single tasks that examples point at, and the sample's scene that both failed and succeeded."""
    store.task(DEMO_REQUEST, DEMO_SCENE).view_url = SAMPLE_VIEW_URL
    store.set_pace(DEMO_REQUEST, DEMO_MOVING_SCENE, MOVING)
    store.fail_scene(CONFLICT_REQUEST, CONFLICT_SCENE, keep_task=True)
