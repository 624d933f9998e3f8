"""Scale's words for the status of a task and for the customer's review, in the vocabulary of the schema.

Sources: the vendor's page on the task object and its Python SDK, which adds the review status "commented". Dashboard
labels such as "In Progress" are no words of the API, and "deleted" belongs to version 2: both are UNKNOWN here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from schema.status import BackendStatus, ReviewStatus, TaskStatus

STATUS_WORDS: Mapping[TaskStatus, str] = MappingProxyType(
    {
        TaskStatus.PENDING: "pending",
        TaskStatus.COMPLETED: "completed",
        TaskStatus.CANCELED: "canceled",
        TaskStatus.FAILED: "error",
    }
)

REVIEW_WORDS: Mapping[ReviewStatus, str] = MappingProxyType(
    {
        ReviewStatus.PENDING: "pending",
        ReviewStatus.ACCEPTED: "accepted",
        ReviewStatus.FIXED: "fixed",
        ReviewStatus.COMMENTED: "commented",
        ReviewStatus.REJECTED: "rejected",
    }
)

_LABELS: Mapping[TaskStatus, str] = MappingProxyType(
    {
        TaskStatus.PENDING: "accepted, not finished: queued or being worked on",
        TaskStatus.COMPLETED: "finished, labels are there",
        TaskStatus.CANCELED: "withdrawn by the customer",
        TaskStatus.FAILED: "could not be created or processed",
    }
)

# One object a word, shared by all tasks: they are never edited.
_STATUSES: Mapping[str, tuple[TaskStatus, BackendStatus]] = MappingProxyType(
    {word: (status, BackendStatus(value=word, label=_LABELS[status])) for status, word in STATUS_WORDS.items()}
)

_REVIEWS: Mapping[str, ReviewStatus] = MappingProxyType({word: status for status, word in REVIEW_WORDS.items()})


def task_status(word: str) -> tuple[TaskStatus, BackendStatus]:
    """Both forms of a status; a word that is not documented is UNKNOWN and stays readable."""
    return _STATUSES.get(word) or (TaskStatus.UNKNOWN, BackendStatus(value=word, label=word))


def review_status(word: str | None) -> ReviewStatus | None:
    """The customer's verdict; UNKNOWN for a word that is not documented."""
    return None if word is None else _REVIEWS.get(word, ReviewStatus.UNKNOWN)
