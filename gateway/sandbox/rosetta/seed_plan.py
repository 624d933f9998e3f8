"""What a seeded Rosetta holds: four campaigns and twelve annotation requests, written as a table.

Ids and names are as unpleasant as the API allows: slashes, spaces, reserved characters, other scripts.
"""

import random
import uuid
from dataclasses import dataclass
from typing import Final

from gateway.sandbox.rosetta.records import Pace

DEMO_CAMPAIGN: Final = "urban-driving-2025"
DEMO_CAMPAIGN_NAME: Final = "Urban Driving 2025"
DEMO_FOLDER: Final = "Road Scenes"
DEMO_REQUEST: Final = "urban-driving-2025-week-12"
DEMO_SCENE: Final = "scene-0001"
"""Under review; the lifecycle leaves it alone."""
DEMO_MOVING_SCENE: Final = "scene-0002"
"""Changes its status every 15 to 19 seconds, for ever."""
DEMO_FAILED_SCENE: Final = "scene-0025"
"""Failed to import: no task, an error text, status 0."""
BULK_REQUEST: Final = "urban-driving-2025-bulk"
SINGLE_REQUEST: Final = "urban-driving-2025-pilot"
ODD_CAMPAIGN: Final = "6f1c2f0e-8d3b-4a57-9f65-3c7d2a1b9e40"
ODD_CAMPAIGN_NAME: Final = "Night/Rain 車両"
ODD_REQUEST: Final = "f29c4d8e-6a3b-42e8-bd3f-8e1a9d6c2b7f"
CONFLICT_REQUEST: Final = "night-rain re-import"
CONFLICT_SCENE: Final = "night-rain-0003"
"""In the success map and in the error map, as in the vendor's sample."""
PROCESSING_REQUEST: Final = "night-rain/backlog"
FAILED_REQUEST: Final = "warehouse-broken-files"
OUTAGE_REQUEST: Final = "urban-driving-2025-outage"
"""Every question about it is answered with 503: where examples show a failure that stays."""
OUTAGE_RETRY_AFTER_S: Final = 30

ODD_SCENE_IDS: Final = (
    "s3://bucket/file.png",
    "a/b",
    "x y&z=1",
    "車両/左 前.pcd",
    "100% done?",
    "scene#7",
    "café+crème",
    "../up",
    '{"quoted": true}',
    "semi;colon,comma",
    "00000000000000000042",
)

ALL_LISTED: Final = (6, 3, 1, 2, 4, 5, 8, 9, 10, 11, 16, 17)
UNLISTED: Final = (7, 12, 13, 14, 15, 99)
EARLY: Final = (1, 2, 3, 2)
MIXED: Final = (2, 3, 5, 6, 8, 9, 11, 16)
MOSTLY_DONE: Final = (16, 16, 11, 10, 9, 8, 6, 5, 3, 2)
DONE: Final = (11, 16, 16, 17)

SLOW: Final = Pace(40.0, 240.0)
MOVING: Final = Pace(15.0, 18.0, restless=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignPlan:
    """One campaign to seed."""

    campaign_id: str
    campaign_name: str
    folder_name: str
    workflow_type: str = "Manual Template"
    campaign_type: str = "Formal"


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestPlan:
    """One annotation request to seed. `statuses` go round the scenes; every `moving_every`-th task moves."""

    annotation_request_id: str
    name: str
    campaign_id: str
    scene_ids: tuple[str, ...]
    statuses: tuple[int, ...] = (1,)
    broken_scene_ids: tuple[str, ...] = ()
    age_s: float = 5 * 86400.0
    import_s: float = 0.0
    moving_every: int = 0
    links: int = 0


def _numbered(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}-{number:04}" for number in range(1, count + 1))


def _uuids(count: int, seed: int) -> tuple[str, ...]:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    return tuple(str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(count))


CAMPAIGNS: Final = (
    CampaignPlan(campaign_id=DEMO_CAMPAIGN, campaign_name=DEMO_CAMPAIGN_NAME, folder_name=DEMO_FOLDER),
    CampaignPlan(campaign_id=ODD_CAMPAIGN, campaign_name=ODD_CAMPAIGN_NAME, folder_name=DEMO_FOLDER),
    CampaignPlan(
        campaign_id="warehouse robots",
        campaign_name="Warehouse Robots (100% indoor)?",
        folder_name="Indoor / Logistics",
        workflow_type="Prelabeling Template",
    ),
    CampaignPlan(
        campaign_id="1004",
        campaign_name="Parking & garages",
        folder_name=DEMO_FOLDER,
        campaign_type="POC",
    ),
)

REQUESTS: Final = (
    RequestPlan(
        annotation_request_id=DEMO_REQUEST,
        name="Urban driving, week 12",
        campaign_id=DEMO_CAMPAIGN,
        scene_ids=_numbered("scene", 25),
        statuses=ALL_LISTED,
        broken_scene_ids=(DEMO_FAILED_SCENE,),
        moving_every=5,
        links=14,
    ),
    RequestPlan(
        annotation_request_id=BULK_REQUEST,
        name="Urban driving, bulk",
        campaign_id=DEMO_CAMPAIGN,
        scene_ids=_uuids(800, seed=800),
        statuses=MOSTLY_DONE,
        moving_every=10,
        links=30,
    ),
    RequestPlan(
        annotation_request_id=SINGLE_REQUEST,
        name="Urban driving, pilot",
        campaign_id=DEMO_CAMPAIGN,
        scene_ids=("pilot",),
        statuses=(16,),
    ),
    RequestPlan(
        annotation_request_id="urban-driving-2025-unlisted",
        name="Urban driving, states outside the documentation",
        campaign_id=DEMO_CAMPAIGN,
        scene_ids=_numbered("unlisted", 12),
        statuses=UNLISTED,
    ),
    RequestPlan(
        annotation_request_id=ODD_REQUEST,
        name="Night/rain & 車両: first delivery",
        campaign_id=ODD_CAMPAIGN,
        scene_ids=(*ODD_SCENE_IDS, *_uuids(49, seed=49)),
        statuses=MIXED,
        links=24,
    ),
    RequestPlan(
        annotation_request_id=CONFLICT_REQUEST,
        name="Night/rain, imported again",
        campaign_id=ODD_CAMPAIGN,
        scene_ids=(*_numbered("night-rain", 27), *ODD_SCENE_IDS[:3]),
        statuses=MIXED,
        broken_scene_ids=("night-rain-0005", "night-rain-0011", "night-rain-0017", "night-rain-0023"),
    ),
    RequestPlan(
        annotation_request_id=PROCESSING_REQUEST,
        name="Night/rain, backlog",
        campaign_id=ODD_CAMPAIGN,
        scene_ids=_numbered("backlog", 40),
        age_s=1210.0,
        import_s=3200.0,
    ),
    RequestPlan(
        annotation_request_id="warehouse/aisles 1-9?",
        name="Warehouse, aisles 1 to 9",
        campaign_id="warehouse robots",
        scene_ids=_numbered("aisle 7/shelf", 100),
        statuses=MOSTLY_DONE,
        moving_every=10,
        links=12,
    ),
    RequestPlan(
        annotation_request_id=FAILED_REQUEST,
        name="Warehouse, broken files",
        campaign_id="warehouse robots",
        scene_ids=_numbered("broken", 5),
        broken_scene_ids=_numbered("broken", 5),
    ),
    RequestPlan(
        annotation_request_id="warehouse-delivered",
        name="Warehouse, delivered",
        campaign_id="warehouse robots",
        scene_ids=_numbered("dock", 48),
        statuses=DONE,
    ),
    RequestPlan(
        annotation_request_id="parking-2025-03",
        name="Parking, March",
        campaign_id="1004",
        scene_ids=_numbered("parking", 160),
        statuses=EARLY,
        moving_every=8,
        links=12,
    ),
    RequestPlan(
        annotation_request_id="parking-2025-04",
        name="Parking, April",
        campaign_id="1004",
        scene_ids=_numbered("parking-april", 10),
        age_s=1.0,
        import_s=600.0,
    ),
)
