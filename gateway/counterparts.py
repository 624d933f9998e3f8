"""The same scene in the other backend.

A Rosetta scene's counterpart is the Scale task whose unique id is the scene's id. A Scale task names its scene in its
metadata, under keys that are a setting; its unique id stands in for a missing scene id.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from schema.context import TaskLoader
from schema.errors import GatewayError
from schema.references import RosettaTaskReference, ScaleUniqueId, rosetta_reference
from schema.task import Task


@dataclass(frozen=True)
class SceneKeys:
    """The metadata keys under which a Scale task names its scene."""

    campaign_id: str = "campaignId"
    annotation_request_id: str = "annotationRequestId"
    scene_id: str = "sceneId"


class OperationCounterparts:
    """Fulfils `CounterpartReader` for one operation: what is asked for together goes out together."""

    def __init__(self, tasks: TaskLoader, keys: SceneKeys) -> None:
        self._tasks = tasks
        self._keys = keys

    async def load(self, task: Task) -> Sequence[Task]:
        if isinstance(task.reference, RosettaTaskReference):
            found = await self._tasks.load(ScaleUniqueId(task.reference.scene_id))
        else:
            scene = scene_of(task, self._keys)
            found = None if scene is None else await self._tasks.load(scene)
        return () if found is None else (found,)


def scene_of(task: Task, keys: SceneKeys) -> RosettaTaskReference | None:
    """The scene that a Scale task's metadata names; None where it names none."""
    metadata = task.record.metadata()
    if not isinstance(metadata, dict):
        return None
    campaign_id, request_id = _text(metadata.get(keys.campaign_id)), _text(metadata.get(keys.annotation_request_id))
    scene_id = _text(metadata.get(keys.scene_id)) or task.unique_id
    if campaign_id is None or request_id is None or scene_id is None:
        return None
    try:
        return rosetta_reference(campaign_id, request_id, scene_id)
    except GatewayError:
        return None  # the customer's own data: what cannot be an id names no scene


def _text(value: object) -> str | None:
    """An id as text; customers write numeric ids as numbers too."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
