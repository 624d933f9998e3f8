"""The numbers and words of Rosetta's API: task status, pools, history actions, business codes.

Everything here follows the vendor's enum tables. Numbers missing from those tables (status 7 and 12 to 15,
actions 4, 11, 12, 15, 16) are missing here too; a task may still carry any integer as its status.
"""

from enum import IntEnum, StrEnum
from typing import Final


class Status(IntEnum):
    """Task status of the current generation; the older generation numbers its states differently."""

    CREATION_FAILED = 0
    CREATED = 1
    WAITING_FOR_ANNOTATION = 2
    ANNOTATING = 3
    ANNOTATED = 4
    WAITING_FOR_REVIEW = 5
    REVIEWING = 6
    WAITING_FOR_QC = 8
    IN_QC = 9
    QC_DONE = 10
    APPROVED = 11
    CONVERTED = 16
    CONVERSION_FAILED = 17


class Pool(IntEnum):
    """`poolType` of statistics rows."""

    DISTRIBUTION = 0
    ANNOTATION = 1
    CHECK = 2
    SAMPLING = 3
    ALGORITHM = 4
    COMPLETE = 5


class Action(IntEnum):
    """`actionType` of history records; unrelated to the status numbers."""

    INITIALIZATION = 0
    PAUSE = 1
    RELEASE = 2
    RESUME = 3
    DISTRIBUTE = 5
    BACK_TASK = 6
    SUBMIT = 7
    CHECK = 8
    SAMPLING = 9
    REJECT = 10
    ACCEPT = 13
    DISSOLVE = 14
    RETURN = 17


class ImportState(StrEnum):
    """`status` of an annotation request: how far its scenes were turned into tasks, not how far labelled."""

    ID_NOT_EXISTS = "ID_NOT_EXISTS"
    PROCESSING = "PROCESSING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class Code(IntEnum):
    """Business codes this emulator answers; the older generation's 401 to 403 stand for refused signatures."""

    SUCCESS = 2000
    HICCUP = 5000
    WRONG_SIGNATURE = 401
    UNKNOWN_KEY = 402
    SIGNATURE_EXPIRED = 403
    INVALID_PARAMETER = 4005
    TEMPLATE_NOT_FOUND = 50524
    FIELD_EMPTY = 51000
    CAMPAIGN_REPEATED = 51001
    CAMPAIGN_TYPE_UNKNOWN = 51002
    CAMPAIGN_ID_EXISTS = 51003
    CAMPAIGN_NAME_EXISTS = 51004
    CAMPAIGN_FAILED = 51005
    WORKFLOW_TYPE_ERROR = 51007
    CAMPAIGN_NOT_FOUND = 51008
    CAMPAIGN_NAME_NOT_FOUND = 51009
    WORKFLOW_FAILED = 52001
    WORKFLOW_POOL_EMPTY = 52002
    OPERATOR_KEYS_UNKNOWN = 52003
    REQUEST_REPEATED = 53001
    REQUEST_FAILED = 53002
    REQUEST_NOT_FOUND = 53003
    REQUEST_ID_EXISTS = 53004
    REQUEST_NAME_EXISTS = 53005
    FOLDER_NOT_FOUND = 54007
    SCENE_NOT_FOUND = 56001


MESSAGES: Final[dict[int, str]] = {
    Code.SUCCESS: "Success",
    Code.HICCUP: "Service hiccuped, please try again later.",
    Code.WRONG_SIGNATURE: "Signature is wrong.",
    Code.UNKNOWN_KEY: "Authentication failed.",
    Code.SIGNATURE_EXPIRED: "Signature has expired.",
    Code.INVALID_PARAMETER: "Parameter is invalid.",
    Code.TEMPLATE_NOT_FOUND: "Workflow template not exists.",
    Code.FIELD_EMPTY: "Required field is empty.",
    Code.CAMPAIGN_REPEATED: "Campaign was already created.",
    Code.CAMPAIGN_TYPE_UNKNOWN: "Campaign type not exists.",
    Code.CAMPAIGN_ID_EXISTS: "Campaign id already exists.",
    Code.CAMPAIGN_NAME_EXISTS: "Campaign name already exists.",
    Code.CAMPAIGN_FAILED: "Campaign creation error.",
    Code.WORKFLOW_TYPE_ERROR: "Workflow type error.",
    Code.CAMPAIGN_NOT_FOUND: "Campaign not exists.",
    Code.CAMPAIGN_NAME_NOT_FOUND: "Campaign name not exists.",
    Code.WORKFLOW_FAILED: "Workflow creation failed.",
    Code.WORKFLOW_POOL_EMPTY: "Workflow pool is empty.",
    Code.OPERATOR_KEYS_UNKNOWN: "Operator keys are not part of the taxonomy.",
    Code.REQUEST_REPEATED: "Annotation request was already submitted.",
    Code.REQUEST_FAILED: "Annotation request creation error.",
    Code.REQUEST_NOT_FOUND: "Annotation request has not exists.",
    Code.REQUEST_ID_EXISTS: "Annotation request id already exists.",
    Code.REQUEST_NAME_EXISTS: "Annotation request name already exists.",
    Code.FOLDER_NOT_FOUND: "Folder name not exists.",
    Code.SCENE_NOT_FOUND: "SceneId is not exists.",
}
"""People's text, not stable: the vendor spells the same code in several ways."""

POOL_OF_STATUS: Final[dict[int, Pool]] = {
    Status.CREATED: Pool.DISTRIBUTION,
    Status.WAITING_FOR_ANNOTATION: Pool.ANNOTATION,
    Status.ANNOTATING: Pool.ANNOTATION,
    Status.ANNOTATED: Pool.ANNOTATION,
    Status.WAITING_FOR_REVIEW: Pool.CHECK,
    Status.REVIEWING: Pool.CHECK,
    Status.WAITING_FOR_QC: Pool.SAMPLING,
    Status.IN_QC: Pool.SAMPLING,
    Status.QC_DONE: Pool.SAMPLING,
    Status.APPROVED: Pool.COMPLETE,
    Status.CONVERTED: Pool.COMPLETE,
    Status.CONVERSION_FAILED: Pool.COMPLETE,
}
"""A task with a status outside this table stays in the pool it was in."""

POOL_NAMES: Final[dict[Pool, str]] = {
    Pool.DISTRIBUTION: "Distribution Pool",
    Pool.ANNOTATION: "Annotation Pool",
    Pool.CHECK: "Check Pool",
    Pool.SAMPLING: "Sampling Pool",
    Pool.ALGORITHM: "Algorithm Pool",
    Pool.COMPLETE: "Completion Pool",
}

WORKFLOW_TYPES: Final = ("Manual Template", "Prelabeling Template")
CAMPAIGN_TYPES: Final = ("POC", "Formal")
