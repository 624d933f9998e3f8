"""What changed in a project since: one list of Scale for many watched tasks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.backends.scale.client import ScaleClient
from gateway.backends.scale.queries import MAX_LIMIT, TaskQuery
from schema.backend import Backend
from schema.references import Reference
from schema.task import Task


class ProjectSweep:
    """Fulfils `ChangeSweep`: a group is a project, asked by `updated_after`."""

    def __init__(self, client: ScaleClient) -> None:
        self._client = client

    def group_of(self, task: Task) -> str | None:
        """The project's name. A task may lack it: the answer to a creation does."""
        return task.project if task.reference.backend is Backend.SCALE else None

    async def changed_since(self, group: str, since: datetime, most_calls: int) -> Sequence[Task] | None:
        """Walks the pages while they promise to end within `most_calls`."""
        query = TaskQuery(project=group, updated_after=since)
        found: dict[Reference, Task] = {}
        for call in range(1, most_calls + 1):
            page = await self._client.list_tasks(query)
            found.update((task.reference, task) for task in page.tasks)
            if page.next_token is None:
                return None if page.skipped else list(found.values())
            if page.total is not None and call + _pages(page.total - len(found)) > most_calls:
                return None
            query = replace(query, next_token=page.next_token)
        return None


def _pages(tasks: int) -> int:
    return -(-max(tasks, 1) // MAX_LIMIT)
