"""The wire to Scale, writes: what is sent, and what the answer means. Who may try again is decided elsewhere.

HTTP                what a caller sees
any 2xx             the task, or None where the answer is something else, such as the plain text OK
400                 WriteRefusedError BAD_USER_INPUT; of a cancel or an audit it may mean "not now"
404                 WriteRefusedError NOT_FOUND; of a creation BACKEND_REFUSED: no such task type for this account
409                 TakenError
other 4xx           as reads, but WriteRefusedError; 408 and 429 as reads: the one may have been done, the other not
everything else     as reads: it may have been done

Tags: POST replaces them, PUT adds, DELETE with a body removes. Source: the vendor's Python SDK; its API page names POST
for adding and shows PUT.
"""

from collections.abc import Callable
from datetime import datetime

from gateway.backends.base import Taken, TakenError, WriteRefusedError
from gateway.backends.exact_json import encode
from gateway.backends.nesting import fitted
from gateway.backends.scale.answers import as_object, bad_response, failure_of, json_of
from gateway.backends.scale.fields import Misfit
from gateway.backends.scale.normalize import UnusableRecordError, reference_of, task_of_body, to_task
from gateway.backends.transport import Answer, BackendTransport, Call, path_segment
from schema.backend import Backend
from schema.changes import AddTags, Cancel, Change, ClearUniqueId, RemoveTags, Review, SetMetadata, SetTags, SetUniqueId
from schema.creation import MultistageCreation, SceneFormat
from schema.errors import ErrorCode, GatewayError
from schema.references import ScaleTaskReference
from schema.task import Task

_CREATE = "POST /task/multistage"

_SCENE_FORMATS = {SceneFormat.SENSOR_FUSION: "sensor_fusion", SceneFormat.SPLIT_BASE64: "split_base64"}


class ScaleWrites:
    """Sends each change and creation; `now` gives the time in UTC."""

    def __init__(self, transport: BackendTransport, now: Callable[[], datetime], misfit: Misfit) -> None:
        self._transport = transport
        self._now = now
        self._misfit = misfit

    async def change(self, reference: ScaleTaskReference, change: Change) -> Task | None:
        """The task after the change; None where Scale took it and answered something else than the task."""
        call = call_of(reference, change)

        def read(answer: Answer) -> Task | None:
            self._require_done(answer, call.endpoint)
            try:
                return task_of_body(reference, answer.body, fetched_at=self._now(), misfit=self._misfit)
            except ValueError:
                return None

        return await self._transport.send(call, read)

    async def create_multistage(self, creation: MultistageCreation, idempotency_key: str | None) -> Task:
        """The task as the answer tells it: a multistage creation's has neither project nor batch."""
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        body = encode(creation_body(creation))
        call = Call(_CREATE, "POST", "/task/multistage", body=body, headers=headers, may_repeat=False)

        def read(answer: Answer) -> Task:
            if answer.status == 404:
                message = f"{Backend.SCALE.name} offers no multistage tasks to the gateway's account"
                raise _refused(ErrorCode.BACKEND_REFUSED, message, f"{_CREATE} HTTP 404")
            self._require_done(answer, _CREATE)
            values, body = fitted(as_object(json_of(answer, _CREATE), _CREATE), answer.body, self._misfit)
            try:
                reference = reference_of(values)
                return to_task(reference, values, body, fetched_at=self._now(), misfit=self._misfit)
            except UnusableRecordError as exc:
                raise bad_response(f"{_CREATE} {exc}") from exc

        return await self._transport.send(call, read)

    def _require_done(self, answer: Answer, endpoint: str) -> None:
        """Returns for a 2xx. Raises GatewayError, a WriteRefusedError where nothing was done."""
        status = answer.status
        if 200 <= status < 300:
            return
        detail = f"{endpoint} HTTP {status}"
        if status == 400:
            raise _refused(ErrorCode.BAD_USER_INPUT, f"{Backend.SCALE.name} refuses this", detail)
        if status == 404:
            raise _refused(ErrorCode.NOT_FOUND, "the backend knows no such task", detail)
        if status == 409:
            raise TakenError(_taken(answer.body), f"{Backend.SCALE.name} says that this is taken", Backend.SCALE)
        failure = failure_of(answer, detail, self._now())
        if 400 <= status < 500 and failure.code is ErrorCode.BACKEND_BAD_RESPONSE:
            raise _refused(failure.code, failure.message, detail)
        raise failure


def call_of(reference: ScaleTaskReference, change: Change) -> Call:
    """The request that asks for the change. Empty lists and objects are sent: Scale's own SDK would send no body."""
    task = f"/task/{path_segment(reference.task_id)}"
    match change:
        case Cancel():
            query = [("clear_unique_id", "true")] if change.clear_unique_id else []
            return Call("POST /task/{id}/cancel", "POST", f"{task}/cancel", query)
        case SetMetadata():
            return Call("POST /task/{id}/setMetadata", "POST", f"{task}/setMetadata", body=encode(change.metadata))
        case SetTags():
            return Call("POST /task/{id}/tags", "POST", f"{task}/tags", body=list(change.tags))
        case AddTags():
            return Call("PUT /task/{id}/tags", "PUT", f"{task}/tags", body=list(change.tags))
        case RemoveTags():
            return Call("DELETE /task/{id}/tags", "DELETE", f"{task}/tags", body=list(change.tags))
        case SetUniqueId():
            body = {"unique_id": change.unique_id}
            return Call("POST /task/{id}/unique_id", "POST", f"{task}/unique_id", body=body)
        case ClearUniqueId():
            return Call("DELETE /task/{id}/unique_id", "DELETE", f"{task}/unique_id")
        case Review():
            verdict: dict[str, object] = {"accepted": change.accepted}
            if change.comments is not None:
                verdict["comments"] = change.comments
            return Call("POST /task/{id}/audit", "POST", f"{task}/audit", body=verdict, may_repeat=False)


def creation_body(creation: MultistageCreation) -> dict[str, object]:
    """The body of a creation; what was not given is left out, as Scale takes no null for it."""
    optional = {
        "project": creation.project,
        "batch": creation.batch,
        "instruction": creation.instruction,
        "callback_url": creation.callback_url,
        "task_blueprint_id": creation.task_blueprint_id,
        "metadata": creation.metadata,
        "unique_id": creation.unique_id,
        "clear_unique_id_on_error": creation.clear_unique_id_on_error,
        "priority": creation.priority,
        "tags": list(creation.tags) or None,
    }
    return {
        "attachments": list(creation.attachments),
        "scene_format": _SCENE_FORMATS[creation.scene_format],
        **{name: value for name, value in optional.items() if value is not None},
    }


def _taken(body: bytes) -> Taken:
    """What a 409 is about. The documented sample is no JSON, so only its words are looked at.

    The first one counts: what follows may quote the customer's own text.
    """
    text = body.decode(errors="replace").lower()
    places = {Taken.UNIQUE_ID: text.find("unique_id"), Taken.IDEMPOTENCY_KEY: text.find("idempotency")}
    named = {what: place for what, place in places.items() if place >= 0}
    return min(named, key=named.__getitem__) if named else Taken.UNCLEAR


def _refused(code: ErrorCode, message: str, detail: str) -> GatewayError:
    return WriteRefusedError(code, message, backend=Backend.SCALE, log_detail=detail)
