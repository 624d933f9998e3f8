"""Scale AI, API version 1: the client, its lists, and how its records become tasks."""

from gateway.backends.scale.answers import RefusedQueryError
from gateway.backends.scale.client import ScaleClient, scale_backend
from gateway.backends.scale.pages import TaskPage, TaskState, TaskStatePage
from gateway.backends.scale.places import BatchPage, BatchStatus, ProjectList, ScaleBatch, ScaleProject
from gateway.backends.scale.queries import BatchQuery, TaskQuery, in_calls
from gateway.backends.scale.vocabulary import REVIEW_WORDS, STATUS_WORDS

__all__ = [
    "REVIEW_WORDS",
    "STATUS_WORDS",
    "BatchPage",
    "BatchQuery",
    "BatchStatus",
    "ProjectList",
    "RefusedQueryError",
    "ScaleBatch",
    "ScaleClient",
    "ScaleProject",
    "TaskPage",
    "TaskQuery",
    "TaskState",
    "TaskStatePage",
    "in_calls",
    "scale_backend",
]
