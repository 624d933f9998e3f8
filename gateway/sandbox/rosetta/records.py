"""What the emulated Rosetta keeps: campaigns, annotation requests, tasks and their history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.sandbox.rosetta.vocabulary import Action, ImportState, Pool


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """A campaign; `number` is Rosetta's own number for it, seen in view URLs and in some rows."""

    campaign_id: str
    campaign_name: str
    number: int
    workflow_type: str
    taxonomy_version_name: str
    folder_name: str
    campaign_type: str
    operator_keys: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryRecord:
    """One action on a task, with the status it led to."""

    record_id: int
    action: Action
    status: int
    pool: Pool
    worker: str
    at: datetime
    instance_info: Mapping[str, int]
    instance_sum: int
    attribute_sum: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a task rests between two moves; a restless one comes back after it is done."""

    min_s: float
    max_s: float
    restless: bool = False


@dataclass(kw_only=True, slots=True)
class SceneTask:
    """The task made of one scene. `moves_at` is None for a task that the lifecycle leaves alone."""

    task_id: int
    scene_id: str
    status: int
    pool: Pool
    frame_count: int = 1
    instance_info: dict[str, int] | None = None
    attribute_count: int = 0
    history: list[HistoryRecord] = field(default_factory=list)
    view_url: str | None = None
    pace: Pace | None = None
    moves_at: datetime | None = None


@dataclass(kw_only=True, slots=True)
class AnnotationRequest:
    """A request and what became of its scenes: a task, an error text, or nothing yet (`waiting`).

    A scene may be in `tasks` and in `errors`, as in the vendor's sample.
    """

    annotation_request_id: str
    name: str
    campaign_id: str
    sources: dict[str, str]
    operator_keys: tuple[str, ...] | None
    import_state: ImportState = ImportState.PROCESSING
    tasks: dict[str, SceneTask] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, datetime] = field(default_factory=dict)
