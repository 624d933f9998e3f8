"""Where a task stands: one vocabulary over both backends, and what each state allows."""

from enum import Enum
from types import MappingProxyType

import strawberry

from schema.backend import Backend


@strawberry.enum(
    description="Where a task stands, in one vocabulary for both backends. `backendStatus` tells what the "
    "backend itself said. Only CANCELED is final: completed work can be recalled or sent back, "
    "failed work redone.\n"
    "\n"
    "- Unfinished, everywhere: PENDING, IN_PROGRESS, IN_REVIEW, IN_QC. Keep watching, best with "
    "`taskChanged`.\n"
    "- Settled: COMPLETED, DELIVERY_FAILED, FAILED, CANCELED.\n"
    "\n"
    "How long the gateway takes a state for fresh, unless its operator changed it: unfinished "
    "and UNKNOWN 10 seconds; COMPLETED, DELIVERY_FAILED and FAILED 5 minutes; CANCELED 1 hour."
)
class TaskStatus(Enum):
    PENDING = strawberry.enum_value(
        "PENDING",
        description="Accepted; work not finished, perhaps not begun. Scale `pending` (it does not tell queued "
        "from started); Rosetta 1 (created) and 2 (waiting for annotation), and scenes still being "
        "imported. At Scale `cancelTask` may still succeed.",
    )
    IN_PROGRESS = strawberry.enum_value(
        "IN_PROGRESS",
        description="Being annotated, or just annotated. Rosetta 3 (annotation in progress) and 4 (annotation "
        "done, still in the annotation pool); Scale never says so.",
    )
    IN_REVIEW = strawberry.enum_value(
        "IN_REVIEW",
        description="Waiting for, or in, review. Rosetta 5 (waiting for review) and 6 (review in progress); "
        "Scale never says so.",
    )
    IN_QC = strawberry.enum_value(
        "IN_QC",
        description="In sampling or quality control, the verdict open. Rosetta 8 (waiting for QC), 9 (QC in "
        "progress) and 10 (QC done: the sampling package can still be rejected); Scale never says so.",
    )
    COMPLETED = strawberry.enum_value(
        "COMPLETED",
        description="Labels approved and usable. Scale `completed`; Rosetta 11 (labels approved) and 16 (output "
        "converted). Can be reverted: Scale recalls tasks, Rosetta sends them back. Scale's labels "
        "are in `response`, Rosetta's files in the annotation request's `deliveredFiles`.",
    )
    DELIVERY_FAILED = strawberry.enum_value(
        "DELIVERY_FAILED",
        description="Labels approved, the output file could not be made: do not resubmit for labelling, ask an "
        "operator. Rosetta 17 (conversion failed); Scale never says so.",
    )
    FAILED = strawberry.enum_value(
        "FAILED",
        description="Could not be created or processed: fix the cause and resubmit. Scale `error`, the cause in "
        "`response`; Rosetta 0 (creation failed), and scenes whose import failed, the cause in the "
        "annotation request's `failedScenes`.",
    )
    CANCELED = strawberry.enum_value(
        "CANCELED", description="Withdrawn by you. Scale `canceled`; Rosetta cannot cancel. Final."
    )
    UNKNOWN = strawberry.enum_value(
        "UNKNOWN",
        description="The backend said something this gateway does not know; see `backendStatus`. Any other word "
        "of Scale, and Rosetta 7, 12 to 15 and above 17. Keep watching: the next state may be a "
        "known one.",
    )


@strawberry.type(description="What the backend itself says, without loss.")
class BackendStatus:
    value: str = strawberry.field(description='Exactly as received: "3" of Rosetta, "pending" of Scale.')
    label: str = strawberry.field(
        description="The backend's documented meaning in our words; the value itself where it is undocumented."
    )
    pool: str | None = strawberry.field(
        default=None,
        description="Rosetta: the pool the status belongs to: DISTRIBUTION, ANNOTATION, REVIEW, SAMPLING, "
        "COMPLETE. Null for Scale, and where the status belongs to none.",
    )


@strawberry.enum(description="What can be asked of a task.")
class TaskAction(Enum):
    CANCEL = strawberry.enum_value(
        "CANCEL",
        description="`cancelTask`, `cancelTasks`. Scale refuses it once work has started, which PENDING does not "
        "show: then ActionNotAllowedError.",
    )
    SET_METADATA = strawberry.enum_value(
        "SET_METADATA", description="`setTaskMetadata`, `setMetadataOfTasks`: whatever the status."
    )
    TAG = strawberry.enum_value(
        "TAG",
        description="`addTaskTags`, `setTaskTags`, `removeTaskTags`, `addTagsToTasks`, `removeTagsFromTasks`: at "
        "most 5 tags a task.",
    )
    SET_UNIQUE_ID = strawberry.enum_value(
        "SET_UNIQUE_ID",
        description="`setTaskUniqueId`, `clearTaskUniqueId`: one that another task has is UniqueIdConflictError.",
    )
    REVIEW = strawberry.enum_value(
        "REVIEW",
        description="`reviewTask`: accept or reject completed work. Sent once only, as it must not count twice.",
    )


@strawberry.enum(description="The customer's own verdict on a Scale task: an axis of its own beside the status.")
class ReviewStatus(Enum):
    PENDING = strawberry.enum_value("PENDING", description="Not reviewed yet.")
    ACCEPTED = strawberry.enum_value("ACCEPTED", description="Accepted as it is.")
    FIXED = strawberry.enum_value("FIXED", description="Accepted after a fix by the reviewer.")
    COMMENTED = strawberry.enum_value("COMMENTED", description="Commented, neither accepted nor rejected.")
    REJECTED = strawberry.enum_value("REJECTED", description="Rejected. The task itself stays COMPLETED.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="A word this gateway does not know; see `raw`.")


_OPEN = (TaskAction.CANCEL, TaskAction.SET_METADATA, TaskAction.TAG, TaskAction.SET_UNIQUE_ID)
_WITHDRAWN = (TaskAction.SET_METADATA, TaskAction.TAG, TaskAction.SET_UNIQUE_ID)
_DONE = (*_WITHDRAWN, TaskAction.REVIEW)

_SCALE_ACTIONS = MappingProxyType(
    {
        TaskStatus.PENDING: _OPEN,
        TaskStatus.UNKNOWN: _OPEN,
        TaskStatus.COMPLETED: _DONE,
        TaskStatus.CANCELED: _WITHDRAWN,
        TaskStatus.FAILED: _WITHDRAWN,
    }
)


def allowed_actions(backend: Backend, status: TaskStatus) -> tuple[TaskAction, ...]:
    """What a mutation may be expected to accept now. Rosetta has no write on a task at all."""
    if backend is Backend.ROSETTA:
        return ()
    return _SCALE_ACTIONS.get(status, ())
