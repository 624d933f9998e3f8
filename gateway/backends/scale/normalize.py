"""From Scale's record of a task to the Task that clients see."""

from collections.abc import Mapping
from datetime import datetime

from gateway.backends.exact_json import decode
from gateway.backends.nesting import fitted
from gateway.backends.scale.fields import Fields, Misfit
from gateway.backends.scale.record import ScaleRecord
from gateway.backends.scale.vocabulary import review_status, task_status
from schema.errors import GatewayError
from schema.references import ScaleTaskReference, scale_reference
from schema.task import Task, TaskAudit

# The page on the task object has the first name, the page on callbacks the second, old SDK samples the times.
_CALLBACK_FLAGS = ("callback_completed", "callback_succeeded")
_CALLBACK_TIMES = ("callback_completed_at", "callback_succeeded_at")


class UnusableRecordError(ValueError):
    """A record that is no task: no object, without a task id or status, or of another task than asked for."""


def reference_of(values: Mapping[str, object]) -> ScaleTaskReference:
    """The reference of the task that the record is of. Raises UnusableRecordError where its id is none."""
    task_id = values.get("task_id")
    if not isinstance(task_id, str):
        raise UnusableRecordError("a record without task_id")
    try:
        return scale_reference(task_id)
    except GatewayError:
        raise UnusableRecordError("a record with a malformed task_id") from None


def status_of(values: Mapping[str, object]) -> str:
    """Scale's word for the task's status. Raises UnusableRecordError where there is none."""
    status = values.get("status")
    if not isinstance(status, str):
        raise UnusableRecordError("a record without status")
    return status


def task_of_body(reference: ScaleTaskReference, body: bytes, *, fetched_at: datetime, misfit: Misfit) -> Task:
    """The task in `body`, which is kept. Raises ValueError for what is no JSON, or not the record of `reference`."""
    values = decode(body)
    if not isinstance(values, dict):
        raise UnusableRecordError("a record that is no object")
    if values.get("task_id") != reference.task_id:
        raise UnusableRecordError("a record of another task")
    values, body = fitted(values, body, misfit)
    return to_task(reference, values, body, fetched_at=fetched_at, misfit=misfit)


def to_task(
    reference: ScaleTaskReference, values: Mapping[str, object], body: bytes, *, fetched_at: datetime, misfit: Misfit
) -> Task:
    """The task of the record `values`, of which `body` is the JSON. Raises UnusableRecordError without a status.

    Any other field that does not fit its type is null or empty, and `misfit` hears its name.
    """
    status, backend_status = task_status(status_of(values))
    fields = Fields(values, misfit)
    fields.expect_object("params")
    fields.expect_object("metadata")
    return Task(
        record=ScaleRecord(body),
        reference=reference,
        status=status,
        backend_status=backend_status,
        type=fields.shared_text("type"),
        instruction=fields.shared_text("instruction"),
        project=fields.shared_text("project"),
        batch=fields.shared_text("batch"),
        priority=fields.integer("priority"),
        is_test=fields.flag("is_test"),
        tags=fields.shared_texts("tags"),
        # Missing, null and empty all mean that there is none.
        unique_id=fields.text("unique_id") or None,
        callback_url=fields.shared_text("callback_url"),
        callback_succeeded=fields.happened(_CALLBACK_FLAGS, _CALLBACK_TIMES),
        review_status=review_status(fields.text("customer_review_status")),
        times_redone=fields.integer("times_redone"),
        project_param_version=fields.integer("project_param_version"),
        audits=tuple([_audit(audit) for audit in fields.objects("audits")]),
        created_at=fields.moment("created_at"),
        updated_at=fields.moment("updated_at"),
        completed_at=fields.moment("completed_at"),
        fetched_at=fetched_at,
    )


def _audit(fields: Fields) -> TaskAudit:
    return TaskAudit(
        auditor=fields.text("audited_by"),
        audited_at=fields.moment("audited_at"),
        duration_seconds=fields.integer("audit_time_secs"),
        result=fields.text("audit_result"),
        source=fields.text("audit_source"),
        comments=fields.text("comments"),
    )
