"""Changing one task. Every answer is the whole task, unless its method says otherwise."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.parameters import Parameters
from gateway.sandbox.scale.reads import find_task
from gateway.sandbox.scale.rules import check_metadata, check_tags, check_unique_id
from gateway.sandbox.scale.store import ScaleStore, TaskRow
from gateway.sandbox.scale.wire import RefusedError, json_response, read_json, read_object, text_response


@dataclass(frozen=True)
class TaskWrites:
    """Everything under /task/{task_id}/. `resend` queues the task's callback once more."""

    store: ScaleStore
    options: ScaleOptions
    resend: Callable[[TaskRow], None]

    async def cancel(self, request: Request) -> Response:
        """Only a pending task on which no work has started can be canceled; a canceled one stays so."""
        row = find_task(self.store, request)
        clear = bool(Parameters(request.query_params).flag("clear_unique_id"))
        status = row.record.get("status")
        if status == "canceled" and self.options.cancel_again_status == 200:
            if clear and "unique_id" in row.record:
                self.store.patch(row.task_id, remove=("unique_id",))
        elif status == "pending" and not row.work_started:
            self.store.cancel(row.task_id, clear_unique_id=clear)
        elif status == "pending":
            raise RefusedError(400, "Work on this task has started: it cannot be canceled.")
        else:
            refusal = self.options.cancel_completed_status if status == "completed" else 400
            raise RefusedError(refusal, f"A task that is {status} cannot be canceled.")
        return json_response(row.record)

    async def set_metadata(self, request: Request) -> Response:
        """The body is the metadata itself; it replaces all that was there, whatever the task's status."""
        row = find_task(self.store, request)
        metadata = await read_object(request)
        check_metadata(metadata, self.options.max_metadata_bytes)
        if metadata != row.record.get("metadata"):
            self.store.patch(row.task_id, metadata=metadata)
        return json_response(row.record)

    async def set_unique_id(self, request: Request) -> Response:
        """409 when another task has it; setting the same again changes nothing."""
        row = find_task(self.store, request)
        unique_id = (await read_object(request)).get("unique_id")
        check_unique_id(self.store, unique_id, row.task_id)
        if row.record.get("unique_id") != unique_id:
            self.store.patch(row.task_id, unique_id=unique_id)
        return json_response(row.record)

    async def clear_unique_id(self, request: Request) -> Response:
        row = find_task(self.store, request)
        if "unique_id" in row.record:
            self.store.patch(row.task_id, remove=("unique_id",))
        return json_response(row.record)

    async def set_tags(self, request: Request) -> Response:
        """POST: these tags instead of all others."""
        row = find_task(self.store, request)
        return self._retag(row, await self._tags(request))

    async def add_tags(self, request: Request) -> Response:
        """PUT: these tags behind those already there."""
        row = find_task(self.store, request)
        return self._retag(row, [*(row.record.get("tags") or []), *await self._tags(request)])

    async def remove_tags(self, request: Request) -> Response:
        """DELETE, with a body: all but these tags; absent ones are ignored."""
        row = find_task(self.store, request)
        unwanted = await self._tags(request)
        return self._retag(row, [tag for tag in row.record.get("tags") or [] if tag not in unwanted])

    async def audit(self, request: Request) -> Response:
        """Accepts or rejects a completed task. The answer's body is not specified: see ScaleOptions."""
        row = find_task(self.store, request)
        body = await read_object(request)
        if not isinstance(body.get("accepted"), bool):
            raise RefusedError(400, "accepted must be a boolean.")
        if not isinstance(body.get("comments"), str | None):
            raise RefusedError(400, "comments must be a string.")
        if row.record.get("status") != "completed":
            raise RefusedError(400, "Only completed tasks can be audited.")
        result = "accepted" if body["accepted"] else "rejected"
        self.store.audit(row.task_id, result, by=self.options.account_email, source="customer")
        return text_response("OK") if self.options.audit_answer == "text" else json_response(row.record)

    async def send_callback(self, request: Request) -> Response:
        """Delivers the callback of a completed or errored task once more. The answer is `{"success": true}`."""
        row = find_task(self.store, request)
        if row.record.get("status") not in ("completed", "error"):
            raise RefusedError(400, "Only completed and errored tasks have a callback to send.")
        self.resend(row)
        return json_response({"success": True})

    async def _tags(self, request: Request) -> list[str]:
        body = await read_json(request)
        tags = [] if body is None and not await request.body() else body
        return check_tags(tags)

    def _retag(self, row: TaskRow, tags: list[str]) -> Response:
        distinct = list(dict.fromkeys(tags))
        if len(distinct) > self.options.max_tags:
            raise RefusedError(400, f"A task can have at most {self.options.max_tags} tags.")
        if distinct and distinct != row.record.get("tags"):
            self.store.patch(row.task_id, tags=distinct)
        elif not distinct and "tags" in row.record:
            self.store.patch(row.task_id, remove=("tags",))
        return json_response(row.record)
