"""What holds tasks, as resolvers see it: annotation requests and campaigns of Rosetta. One reader an operation.

Most operations ask for none of it: what a reader needs is made when it is first asked.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import strawberry

from gateway.annotation_requests import AnnotationRequests, Histories
from gateway.backends.base import UnconfiguredBackend, configured
from gateway.backends.rosetta import Campaign as RosettaCampaign
from gateway.backends.rosetta import Frames as RosettaFrames
from gateway.backends.rosetta import ImportedRequest, RosettaClient, Schedule
from gateway.coalescing import Coalescer
from schema.annotation_request import (
    AnnotationRequest,
    FailedScene,
    ImportState,
    LabellingProgress,
    request_global_id,
)
from schema.campaign import Campaign, Frames, campaign_global_id
from schema.references import RosettaTaskReference
from schema.status import TaskStatus
from schema.task import TaskEvent


class OperationRequests:
    """Fulfils `AnnotationRequestReader` for one operation; never outlives it."""

    def __init__(self, requests: AnnotationRequests) -> None:
        self._requests = requests

    @cached_property
    def _imported(self) -> Coalescer[str, ImportedRequest | None]:
        return Coalescer(keeps=True)

    @cached_property
    def _schedules(self) -> Coalescer[str, Schedule | None]:
        return Coalescer(keeps=True)

    @cached_property
    def _counts(self) -> Coalescer[str, Mapping[TaskStatus, int] | None]:
        return Coalescer(keeps=True)

    @cached_property
    def _histories(self) -> Coalescer[str, Histories | None]:
        return Coalescer(keeps=True)

    async def load(self, annotation_request_id: str) -> AnnotationRequest | None:
        request = await self._request(annotation_request_id)
        return None if request is None else _annotation_request(request)

    async def progress(self, annotation_request_id: str) -> LabellingProgress | None:
        schedule = await self._schedules.run(
            annotation_request_id, lambda: self._requests.schedule(annotation_request_id)
        )
        return None if schedule is None else LabellingProgress(schedule.completed_percent, schedule.delivered_files)

    async def status_counts(self, annotation_request_id: str) -> Mapping[TaskStatus, int] | None:
        return await self._counts.run(
            annotation_request_id, lambda: self._requests.status_counts(annotation_request_id)
        )

    async def history(self, reference: RosettaTaskReference) -> Sequence[TaskEvent] | None:
        request_id = reference.annotation_request_id
        request = await self._request(request_id)
        if request is None:
            return None
        task_id = request.task_ids.get(reference.scene_id)
        if task_id is None:
            return ()  # no task yet: nothing has happened to it
        histories = await self._histories.run(request_id, lambda: self._requests.histories(request_id))
        # A task has at least its creation: without any record its rows are not known to be its own.
        return None if histories is None else histories.get(task_id)

    async def _request(self, annotation_request_id: str) -> ImportedRequest | None:
        return await self._imported.run(annotation_request_id, lambda: self._requests.request(annotation_request_id))


class OperationCampaigns:
    """Fulfils `CampaignReader` for one operation; never outlives it."""

    def __init__(self, rosetta: RosettaClient | UnconfiguredBackend) -> None:
        self._rosetta = rosetta

    @cached_property
    def _campaigns(self) -> Coalescer[str, RosettaCampaign | None]:
        return Coalescer(keeps=True)

    @cached_property
    def _frames(self) -> Coalescer[str, RosettaFrames | None]:
        return Coalescer(keeps=True)

    async def campaign(self, name: str) -> Campaign | None:
        rosetta = configured(self._rosetta)
        found = await self._campaigns.run(name, lambda: rosetta.campaign(name))
        return None if found is None else _campaign(found)

    async def campaigns_of_folder(self, folder_name: str) -> Sequence[Campaign] | None:
        found = await configured(self._rosetta).campaigns_of_folder(folder_name)
        return None if found is None else [_campaign(campaign) for campaign in found]

    async def frames(self, campaign_id: str) -> Frames | None:
        rosetta = configured(self._rosetta)
        found = await self._frames.run(campaign_id, lambda: rosetta.frames(campaign_id))
        return None if found is None else Frames(found.manual, found.automatic)


def _annotation_request(request: ImportedRequest) -> AnnotationRequest:
    request_id = request.annotation_request_id
    return AnnotationRequest(
        id=request_global_id(request_id),
        annotation_request_id=strawberry.ID(request_id),
        name=request.name,
        campaign_id=None if request.campaign_id is None else strawberry.ID(request.campaign_id),
        import_state=ImportState[request.import_state.name],
        operator_keys=list(request.operator_keys),
        scene_count=len(request.scene_ids),
        failed_scenes=[
            FailedScene(scene_id=strawberry.ID(scene_id), reason=reason)
            for scene_id, reason in request.failed_scenes.items()
        ],
    )


def _campaign(campaign: RosettaCampaign) -> Campaign:
    return Campaign(
        id=campaign_global_id(campaign.name),
        campaign_id=strawberry.ID(campaign.campaign_id),
        name=campaign.name,
        type=campaign.type,
        workflow_type=campaign.workflow_type,
        taxonomy_version_name=campaign.taxonomy_version_name,
        folder_name=campaign.folder_name,
    )
