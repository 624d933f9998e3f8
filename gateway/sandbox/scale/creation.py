"""Creating tasks: POST /task/{type}."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import FAULT_IN_SCOPE, Fault, Faults
from gateway.sandbox.scale.idempotency import Answer, StoredAnswers
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.rules import check_creation
from gateway.sandbox.scale.store import Record, ScaleStore, TaskRow
from gateway.sandbox.scale.vocabulary import TASK_TYPES
from gateway.sandbox.scale.wire import RefusedError, encode, error_record, path_text, read_object

_SHOWN = ("project", "batch", "instruction", "callback_url", "metadata", "unique_id", "priority")
_HANDLED = {*_SHOWN, "tags", "clear_unique_id_on_error", "project_version"}


@dataclass(frozen=True)
class TaskCreation:
    """Creates tasks, each at most once per Idempotency-Key."""

    store: ScaleStore
    clock: SandboxClock
    options: ScaleOptions
    faults: Faults
    is_test: bool
    on_created: Callable[[TaskRow], None]
    """Called for each task that stays pending."""
    answers: StoredAnswers = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", StoredAnswers(self.options.idempotency_hours))

    async def create(self, request: Request) -> Response:
        """The new task, pending, even where it completes at once. With a known key: the stored answer."""
        task_type = path_text(request, "task_id")
        if task_type not in TASK_TYPES:
            raise RefusedError(404, "The requested task type does not exist.")
        body = await read_object(request)
        key = request.headers.get("idempotency-key")
        answer = await (self._once(key, task_type, body, request) if key else self._answer(task_type, body))
        return Response(answer.body, answer.status, media_type="application/json; charset=utf-8")

    async def _once(self, key: str, task_type: str, body: Record, request: Request) -> Answer:
        # The emulated account has one user, so the parameters alone tell requests apart.
        fingerprint = json.dumps([task_type, body], sort_keys=True)
        stored = self.answers.begin(key, fingerprint, self.clock.now())
        if stored is not None:
            return stored
        try:
            answer = await self._answer(task_type, body)
        except BaseException:
            self.answers.forget(key)
            raise
        self.answers.finish(key, self._kept(answer, request.scope.get(FAULT_IN_SCOPE)))
        return answer

    def _kept(self, answer: Answer, fault: Fault | None) -> Answer:
        if fault is None or fault.kind != "status_after" or not self.options.store_replaced_answer:
            return answer
        return Answer(*self.faults.status_of(fault))

    async def _answer(self, task_type: str, body: Record) -> Answer:
        if self.options.creation_s > 0:
            await self.clock.sleep(self.options.creation_s)
        try:
            return Answer(200, encode(self._create(task_type, body)))
        except RefusedError as refused:
            return Answer(refused.status, encode(error_record(refused.status, refused.message)))

    def _create(self, task_type: str, body: Record) -> Record:
        if task_type in self.options.disabled_types:
            raise RefusedError(402, "This task type is not enabled for your account.")
        check_creation(task_type, body, self.store, self.options)
        row = self.store.add_task(
            type=task_type,
            clear_unique_id_on_error=body.get("clear_unique_id_on_error", False),
            **self._fields(task_type, body),
        )
        answer = self._shown(row)
        at_once = self.options.completes_at_once
        if self.is_test if at_once is None else at_once:
            self.store.complete(row.task_id)
        else:
            self.on_created(row)
        return answer

    def _fields(self, task_type: str, body: Record) -> Record:
        fields = {name: body[name] for name in _SHOWN if name in body}
        if "project" not in fields and "batch" in fields:
            fields["project"] = self.store.batches[fields["batch"]]["project"]
        if body.get("tags"):
            fields["tags"] = list(dict.fromkeys(body["tags"]))
        if "project_version" in body:
            fields["project_param_version"] = body["project_version"]
        # The documented answer shows no parameters of a multistage task.
        own = {name: value for name, value in body.items() if name not in _HANDLED}
        return {
            **fields,
            "params": {} if task_type == "multistage" else own,
            "is_test": self.is_test,
        }

    def _shown(self, row: TaskRow) -> Record:
        hidden = set()
        if row.record["type"] == "multistage" and not self.options.multistage_answer_names_project:
            hidden = {"project", "batch"}
        return {name: value for name, value in row.record.items() if name not in hidden}
