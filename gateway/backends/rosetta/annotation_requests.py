"""An annotation request as Rosetta tells it: how its scenes were imported, and how far its tasks have come."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from gateway.backends.rosetta.fields import Fields
from schema.status import TaskStatus

UNKNOWN_ID = "ID_NOT_EXISTS"


class ImportState(Enum):
    """How far scenes were turned into tasks; says nothing about labelling."""

    PROCESSING = "PROCESSING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRequest:
    """What became of each scene of an annotation request.

    `scene_ids` are all scenes in the order they were asked for. A scene of `task_ids` is a task, also when an error is
    noted beside it, which then is a warning; a scene of `failed_scenes` is none. `campaign_id` and `name` are None
    where the backend did not repeat them.
    """

    annotation_request_id: str
    name: str | None
    campaign_id: str | None
    import_state: ImportState
    operator_keys: tuple[str, ...]
    scene_ids: tuple[str, ...]
    task_ids: Mapping[str, str]
    failed_scenes: Mapping[str, str]
    warnings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How far the tasks of an annotation request are labelled.

    `status` is the backend's word ("Completed", "In Progress"). `completed_percent` is the share of tasks in the
    completion pool, 0 to 100. `delivered_files` maps the scenes in that pool to the URI of their file, as received.
    """

    status: str | None
    completed_percent: float | None
    delivered_files: Mapping[str, str]

    @property
    def is_completed(self) -> bool:
        """Whether every task is in the completion pool."""
        return self.status == "Completed"


def parse_annotation_request(annotation_request_id: str, fields: Fields) -> ImportedRequest | None:
    """The request, None where the answer says in band that there is none."""
    state = fields.text("status")
    if state == UNKNOWN_ID:
        return None
    info = fields.nested("annotationRequestInfo")
    task_ids = _task_ids(fields.label_map("successTaskMap"))
    errors = {scene: text or "" for scene, text in fields.label_map("errorSceneIdMap").items()}
    # Every scene counts, also one that only a result names: dict keys keep the order and drop repetitions.
    scenes = {**dict.fromkeys(info.label_map("sceneIdMap")), **dict.fromkeys(task_ids), **dict.fromkeys(errors)}
    return ImportedRequest(
        annotation_request_id=annotation_request_id,
        name=info.text("annotationRequestName"),
        campaign_id=info.label("campaignId"),
        import_state=_import_state(state),
        operator_keys=info.labels("operatorKeys"),
        scene_ids=tuple(scenes),
        task_ids=MappingProxyType(task_ids),
        failed_scenes=MappingProxyType({scene: text for scene, text in errors.items() if scene not in task_ids}),
        warnings=MappingProxyType({scene: text for scene, text in errors.items() if scene in task_ids}),
    )


def parse_schedule(fields: Fields) -> Schedule:
    """The schedule; fields that do not fit are None or left out."""
    files = fields.label_map("completionSceneMap")
    return Schedule(
        status=fields.text("status"),
        completed_percent=fields.percent("completionPoolSchedule"),
        delivered_files=MappingProxyType({scene: uri for scene, uri in files.items() if uri is not None}),
    )


def derived_status(request: ImportedRequest, scene_id: str) -> TaskStatus | None:
    """Where a scene stands that the backend does not know as a task; None where the request does not list it either."""
    if scene_id in request.failed_scenes:
        return TaskStatus.FAILED
    if scene_id not in request.task_ids and scene_id not in request.scene_ids:
        return None
    if request.import_state is ImportState.PROCESSING:
        return TaskStatus.PENDING
    lost = request.import_state is ImportState.FAILED and scene_id not in request.task_ids
    return TaskStatus.FAILED if lost else TaskStatus.UNKNOWN


def _task_ids(scenes_by_task: Mapping[str, str | None]) -> dict[str, str]:
    """Task id by scene id; of several tasks of one scene the one with the largest number, made last."""
    task_ids: dict[str, str] = {}
    for task_id, scene_id in scenes_by_task.items():
        if scene_id is None:
            continue
        known = task_ids.get(scene_id)
        if known is None or _size(task_id) > _size(known):
            task_ids[scene_id] = task_id
    return task_ids


def _size(digits: str) -> tuple[int, str]:
    return len(digits), digits


def _import_state(text: str | None) -> ImportState:
    return ImportState.__members__.get(text or "", ImportState.UNKNOWN)
