"""Reading projects and batches, which are named, not numbered."""

from collections import Counter
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.scale.parameters import Parameters
from gateway.sandbox.scale.selection import Selection, Window
from gateway.sandbox.scale.store import Record, ScaleStore
from gateway.sandbox.scale.vocabulary import BATCH_STATUSES
from gateway.sandbox.scale.wire import RefusedError, json_response, path_text

_COUNTED = ("pending", "completed", "error", "canceled")
_TIMES = ("completed_after", "completed_before", "audited_after", "audited_before")


@dataclass(frozen=True)
class PlaceReads:
    """GET /projects, /projects/{name}, /batches, /batches/{name} and /batches/{name}/status."""

    store: ScaleStore

    async def list_projects(self, request: Request) -> Response:
        """A bare array of all projects, or of those that are `archived` or not."""
        archived = Parameters(request.query_params).flag("archived")
        projects = self.store.projects.values()
        return json_response([each for each in projects if archived is None or each.get("archived", False) == archived])

    async def get_project(self, request: Request) -> Response:
        project = self.store.projects.get(path_text(request, "name"))
        if project is None:
            raise RefusedError(404, "The requested project does not exist.")
        return json_response(project)

    async def list_batches(self, request: Request) -> Response:
        """A page by offset, newest first. Scale's two SDKs read the count from two names: both are there."""
        parameters = Parameters(request.query_params)
        batches = self._selected(parameters)
        limit = parameters.number("limit", default=100, least=1, most=100)
        offset = parameters.number("offset", default=0, least=0)
        return json_response(
            {
                "docs": batches[offset : offset + limit],
                "totalDocs": len(batches),
                "total": len(batches),
                "limit": limit,
                "offset": offset,
                "has_more": offset + limit < len(batches),
            }
        )

    async def get_batch(self, request: Request) -> Response:
        return json_response(self._batch(request))

    async def get_batch_status(self, request: Request) -> Response:
        """How many tasks of the batch have each status; a count of zero is left out."""
        batch = self._batch(request)
        keys = self.store.select(Selection(batch=batch["name"]))
        counts = Counter(self.store.get(task_id).record.get("status") for _, task_id in keys)
        return json_response({"status": batch["status"]} | {word: counts[word] for word in _COUNTED if counts[word]})

    def _batch(self, request: Request) -> Record:
        batch = self.store.batches.get(path_text(request, "name"))
        if batch is None:
            raise RefusedError(404, "The requested batch does not exist.")
        return batch

    def _selected(self, parameters: Parameters) -> list[Record]:
        project = parameters.text("project")
        status = parameters.word("status", BATCH_STATUSES)
        window = Window("created_at", parameters.time("start_time"), parameters.time("end_time"))
        without_archived = parameters.flag("exclude_archived")
        self._check_unused(parameters)
        selected = [
            batch
            for batch in self.store.batches.values()
            if project in (None, batch["project"])
            and status in (None, batch["status"])
            and window.holds(batch)
            and not (without_archived and batch.get("archived"))
        ]
        return sorted(selected, key=lambda batch: str(batch["created_at"]), reverse=True)

    def _check_unused(self, parameters: Parameters) -> None:
        """Documented parameters whose effect is not: their form is checked, nothing more."""
        parameters.flag("detailed")
        for name in _TIMES:
            parameters.time(name)
