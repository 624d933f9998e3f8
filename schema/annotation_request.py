"""AnnotationRequest: scenes given to Rosetta together, and how far they have come."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import strawberry

from schema.backend import Backend
from schema.connection import TaskConnection, wanted_of
from schema.context import Info
from schema.counts import TaskStatusCount, status_counts
from schema.filter import TaskCriteria, TaskFilter, to_criteria
from schema.node import Node, encode_id
from schema.paging import DEFAULT_FIRST, checked_first
from schema.status import TaskStatus

KIND = "AnnotationRequest"


@strawberry.enum(description="How far scenes were turned into tasks. Says nothing about labelling.")
class ImportState(Enum):
    PROCESSING = strawberry.enum_value("PROCESSING", description="Scenes are still being turned into tasks.")
    FINISHED = strawberry.enum_value("FINISHED", description="Every scene is a task, or has failed.")
    FAILED = strawberry.enum_value("FAILED", description="No scene became a task.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="A word this gateway does not know.")


@strawberry.type(description="A scene that could not be made a task.")
class FailedScene:
    scene_id: strawberry.ID = strawberry.field(description="The id you gave the scene.")
    reason: str = strawberry.field(description="Why, in Rosetta's own words.")


@strawberry.type(description="The file of a scene whose labels are approved.")
class DeliveredFile:
    scene_id: strawberry.ID = strawberry.field(description="The id you gave the scene.")
    uri: str = strawberry.field(description="Where the file is, as received; may hold spaces.")


@dataclass(frozen=True)
class LabellingProgress:
    """The share of tasks in the completion pool, 0 to 100, and the files of the scenes there."""

    completed_percent: float | None
    delivered_files: Mapping[str, str]


@strawberry.input(description="All fields given must hold; null means absent; an empty list matches nothing.")
class AnnotationRequestTaskFilter:
    status_in: list[TaskStatus] | None = strawberry.field(
        default=None, description="Only tasks that stand so; each status once."
    )


@strawberry.type(description="Scenes given to Rosetta for annotation together.")
class AnnotationRequest(Node):
    id: strawberry.ID = strawberry.field(description="Opaque and stable; accepted by `node`.")
    annotation_request_id: strawberry.ID = strawberry.field(description="Chosen by you; 1 to 255 bytes of UTF-8.")
    name: str | None = strawberry.field(default=None, description="What people call it; chosen by you.")
    campaign_id: strawberry.ID | None = strawberry.field(default=None, description="The campaign it belongs to.")
    import_state: ImportState = strawberry.field(
        description="How far its scenes were turned into tasks; not how far they are labelled, which "
        "`statusCounts` and `completedPercent` tell."
    )
    operator_keys: list[str] = strawberry.field(
        default_factory=list, description="Which parts of the campaign's taxonomy it uses; empty: all."
    )
    scene_count: int = strawberry.field(description="All scenes asked for, failed imports included.")
    failed_scenes: list[FailedScene] = strawberry.field(
        default_factory=list, description="Scenes that could not be made tasks."
    )

    @strawberry.field(
        description="Share of its tasks in the completion pool, 0 to 100; read only when selected. Null where Rosetta "
        "does not say."
    )
    async def completed_percent(self, info: Info) -> float | None:
        progress = await info.context.requests.progress(self.annotation_request_id)
        return None if progress is None else progress.completed_percent

    @strawberry.field(description="The files of scenes whose labels are approved; read only when selected.")
    async def delivered_files(self, info: Info) -> list[DeliveredFile] | None:
        progress = await info.context.requests.progress(self.annotation_request_id)
        if progress is None:
            return None
        files = progress.delivered_files.items()
        return [DeliveredFile(scene_id=strawberry.ID(scene_id), uri=uri) for scene_id, uri in files]

    @strawberry.field(
        description="How many of its scenes stand where, failed imports included. One bulk read, shared with `tasks`."
    )
    async def status_counts(self, info: Info) -> list[TaskStatusCount] | None:
        counts = await info.context.requests.status_counts(self.annotation_request_id)
        return None if counts is None else status_counts(counts)

    @strawberry.field(
        description="Its tasks, one a scene, in the order the scenes were asked for. A scene that is no task "
        "yet, or could not become one, is there with a derived status."
    )
    async def tasks(
        self,
        info: Info,
        filter: Annotated[
            AnnotationRequestTaskFilter | None, strawberry.argument(description="Which tasks; all where absent.")
        ] = None,
        first: Annotated[
            int | None, strawberry.argument(description="How many at most: 1 to 100, by default 50.")
        ] = DEFAULT_FIRST,
        after: Annotated[
            str | None,
            strawberry.argument(description="A cursor of this list, with the same filter: the page begins behind it."),
        ] = None,
    ) -> TaskConnection | None:
        page = await info.context.lists.page(
            self._criteria(filter), first=checked_first(first), after=after, wanted=wanted_of(info)
        )
        return TaskConnection(page=page)

    def _criteria(self, filter: AnnotationRequestTaskFilter | None) -> TaskCriteria:
        return to_criteria(
            TaskFilter(
                backend_in=[Backend.ROSETTA],
                annotation_request_id_in=[self.annotation_request_id],
                status_in=None if filter is None else filter.status_in,
            )
        )


def request_global_id(annotation_request_id: str) -> strawberry.ID:
    """The opaque id of an annotation request."""
    return encode_id(KIND, annotation_request_id)
