"""The state of the emulated Rosetta, changed through plain methods.

Nothing here knows the wire. Tests use a store to arrange: ids are checked for existence, not for shape.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta.history import next_record
from gateway.sandbox.rosetta.lifecycle import usual_action
from gateway.sandbox.rosetta.records import AnnotationRequest, Campaign, Pace, SceneTask
from gateway.sandbox.rosetta.vocabulary import (
    POOL_OF_STATUS,
    WORKFLOW_TYPES,
    Action,
    ImportState,
    Pool,
    Status,
)

FIRST_TASK_ID = 466_917_967_054_114_816
"""The vendor's sample task id: 18 digits, above 2 to the 53rd."""

TASK_ID_STEP = 3
"""Neighbouring ids collide when a client reads them as doubles, which are 64 apart in this range."""

FIRST_RECORD_ID = 561_203_118_220_541_952
FIRST_CAMPAIGN_NUMBER = 1001
DATA_TYPE_MISMATCH = "Data type mismatch"
SCENE_ALREADY_EXISTS = "Scene id already exists"
SOURCE_ENDINGS = (".json", ".yaml", ".yml")


class RosettaStore:
    """Campaigns, annotation requests and tasks in memory; times come from the clock given."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._campaigns: dict[str, Campaign] = {}
        self._campaign_ids: dict[str, str] = {}
        self._requests: dict[str, AnnotationRequest] = {}
        self._scenes_of_campaigns: set[tuple[str, str]] = set()
        self._next_task_id = FIRST_TASK_ID
        self._next_record_id = FIRST_RECORD_ID
        self.folder_names: set[str] = set()
        self.workflow_templates: set[str] = set(WORKFLOW_TYPES)
        self.taxonomies: dict[str, frozenset[str]] = {}

    # Look-ups

    def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id."""
        return self._campaigns.get(campaign_id)

    def campaign_named(self, campaign_name: str) -> Campaign | None:
        """The campaign with exactly this name."""
        return self._campaigns.get(self._campaign_ids.get(campaign_name, ""))

    def campaigns_in(self, folder_name: str) -> list[Campaign]:
        """The campaigns of a folder, oldest first; empty for an unknown folder too."""
        return [campaign for campaign in self._campaigns.values() if campaign.folder_name == folder_name]

    def annotation_request(self, annotation_request_id: str) -> AnnotationRequest | None:
        """The annotation request with this id."""
        return self._requests.get(annotation_request_id)

    def annotation_request_named(self, name: str) -> AnnotationRequest | None:
        """The annotation request with exactly this name."""
        return next((request for request in self._requests.values() if request.name == name), None)

    def annotation_requests(self, campaign_id: str | None = None) -> list[AnnotationRequest]:
        """All annotation requests, or those of one campaign, oldest first."""
        return [request for request in self._requests.values() if campaign_id in (None, request.campaign_id)]

    def tasks(self) -> Iterator[SceneTask]:
        """Every task of every annotation request."""
        for request in self._requests.values():
            yield from request.tasks.values()

    def task(self, annotation_request_id: str, scene_id: str) -> SceneTask:
        """The task of a scene. Raises KeyError when request or task is missing."""
        return self._requests[annotation_request_id].tasks[scene_id]

    # Additions

    def add_campaign(
        self,
        campaign_id: str,
        campaign_name: str | None = None,
        *,
        workflow_type: str = WORKFLOW_TYPES[0],
        taxonomy_version_name: str = "taxonomy-1",
        folder_name: str = "Sandbox",
        campaign_type: str = "POC",
    ) -> Campaign:
        """Adds a campaign, named as its id unless told. Raises ValueError when id or name is taken."""
        name = campaign_id if campaign_name is None else campaign_name
        if campaign_id in self._campaigns or name in self._campaign_ids:
            raise ValueError(f"campaign id or name is taken: {campaign_id!r}, {name!r}")
        campaign = Campaign(
            campaign_id=campaign_id,
            campaign_name=name,
            number=FIRST_CAMPAIGN_NUMBER + len(self._campaigns),
            workflow_type=workflow_type,
            taxonomy_version_name=taxonomy_version_name,
            folder_name=folder_name,
            campaign_type=campaign_type,
            operator_keys=self.taxonomies.get(taxonomy_version_name, frozenset()),
        )
        self._campaigns[campaign_id] = campaign
        self._campaign_ids[name] = campaign_id
        self.folder_names.add(folder_name)
        return campaign

    def add_annotation_request(
        self,
        annotation_request_id: str,
        campaign_id: str,
        scenes: Mapping[str, str] | Iterable[str],
        *,
        name: str | None = None,
        operator_keys: Iterable[str] | None = None,
        import_s: float = 0.0,
        started_at: datetime | None = None,
    ) -> AnnotationRequest:
        """Adds an annotation request whose scenes become tasks one after the other within `import_s` seconds.

        With 0 they are tasks at once. The seconds count from `started_at`, by default now. Scenes given
        without a source get one. Raises KeyError for an unknown campaign, ValueError when id or name is taken.
        """
        campaign = self._campaigns[campaign_id]
        name = annotation_request_id if name is None else name
        if annotation_request_id in self._requests or self.annotation_request_named(name) is not None:
            raise ValueError(f"annotation request id or name is taken: {annotation_request_id!r}, {name!r}")
        sources = _with_sources(scenes, campaign.number)
        request = AnnotationRequest(
            annotation_request_id=annotation_request_id,
            name=name,
            campaign_id=campaign.campaign_id,
            sources=sources,
            operator_keys=None if operator_keys is None else tuple(operator_keys),
            waiting=_spread(sources, self._clock.now() if started_at is None else started_at, import_s),
        )
        self._requests[annotation_request_id] = request
        self._import_due_of(request, self._clock.now())
        return request

    def import_due(self) -> None:
        """Imports every scene whose time has come."""
        now = self._clock.now()
        for request in self._requests.values():
            if request.waiting:
                self._import_due_of(request, now)

    # Changes

    def set_status(
        self,
        annotation_request_id: str,
        scene_id: str,
        status: int,
        *,
        action: Action | None = None,
        worker: str | None = None,
    ) -> SceneTask:
        """Gives a task a status, the pool that goes with it, and a history record.

        The record's action is the usual one for that status unless told; a status that is reached without
        anybody acting (4 to 5, 10 to 11, 11 to 16) adds no record.
        """
        task = self.task(annotation_request_id, scene_id)
        self.move(task, status, action=usual_action(status) if action is None else action, worker=worker)
        return task

    def complete(self, annotation_request_id: str, scene_id: str) -> SceneTask:
        """Approves a task's labels: status 11, in the completion pool."""
        return self.set_status(annotation_request_id, scene_id, Status.APPROVED)

    def fail_scene(
        self, annotation_request_id: str, scene_id: str, text: str = DATA_TYPE_MISMATCH, *, keep_task: bool = False
    ) -> None:
        """Makes a scene one that failed to import. With `keep_task` it stays a task too, as in the sample."""
        request = self._requests[annotation_request_id]
        request.errors[scene_id] = text
        request.waiting.pop(scene_id, None)
        if not keep_task:
            request.tasks.pop(scene_id, None)
        _settle(request)

    def move(
        self,
        task: SceneTask,
        status: int,
        *,
        action: Action | None,
        worker: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Changes a task's status and pool, and writes the action down where there is one."""
        task.status = status
        task.pool = POOL_OF_STATUS.get(status, task.pool)
        if action is None:
            return
        when = self._clock.now() if at is None else at
        task.history.append(next_record(task, self._next_record_id, action, worker, when))
        self._next_record_id += TASK_ID_STEP

    def set_pace(self, annotation_request_id: str, scene_id: str, pace: Pace | None) -> None:
        """Lets the lifecycle move a task from now on, or with None leave it alone."""
        task = self.task(annotation_request_id, scene_id)
        task.pace = pace
        task.moves_at = None if pace is None else self._clock.now() + timedelta(seconds=pace.min_s)

    # Import

    def _import_due_of(self, request: AnnotationRequest, now: datetime) -> None:
        for scene_id in [scene_id for scene_id, ready_at in request.waiting.items() if ready_at <= now]:
            self._import_scene(request, scene_id, request.waiting.pop(scene_id))
        _settle(request)

    def _import_scene(self, request: AnnotationRequest, scene_id: str, at: datetime) -> None:
        error = self._import_error(request, scene_id)
        if error is not None:
            request.errors[scene_id] = error
            return
        self._scenes_of_campaigns.add((request.campaign_id, scene_id))
        task = SceneTask(task_id=self._next_task_id, scene_id=scene_id, status=Status.CREATED, pool=Pool.DISTRIBUTION)
        self._next_task_id += TASK_ID_STEP
        request.tasks[scene_id] = task
        self.move(task, Status.CREATED, action=Action.INITIALIZATION, at=at)

    def _import_error(self, request: AnnotationRequest, scene_id: str) -> str | None:
        """A scene id is taken once per campaign; a source is a URI of a JSON or YAML file."""
        if (request.campaign_id, scene_id) in self._scenes_of_campaigns:
            return SCENE_ALREADY_EXISTS
        source = request.sources[scene_id]
        if "://" not in source or not source.lower().endswith(SOURCE_ENDINGS):
            return DATA_TYPE_MISMATCH
        return None


def _with_sources(scenes: Mapping[str, str] | Iterable[str], campaign_number: int) -> dict[str, str]:
    if isinstance(scenes, Mapping):
        return dict(scenes)
    return {
        scene_id: f"gs://sandbox-sources/{campaign_number}/scene-{index:04}.json"
        for index, scene_id in enumerate(scenes)
    }


def _spread(scenes: Mapping[str, str], start: datetime, import_s: float) -> dict[str, datetime]:
    """When each scene is imported: evenly spread, the last one `import_s` seconds after the start."""
    return {
        scene_id: start + timedelta(seconds=import_s * index / len(scenes))
        for index, scene_id in enumerate(scenes, start=1)
    }


def _settle(request: AnnotationRequest) -> None:
    """An import ends when no scene waits: FAILED when not one scene became a task, else FINISHED."""
    if request.waiting:
        request.import_state = ImportState.PROCESSING
    elif request.errors and not request.tasks:
        request.import_state = ImportState.FAILED
    else:
        request.import_state = ImportState.FINISHED
