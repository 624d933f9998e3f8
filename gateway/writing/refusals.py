"""Refusals of writes, each with the data that clients see."""

from schema.backend import Backend
from schema.changes import Change
from schema.errors import (
    ActionNotAllowedError,
    ActionNotSupportedError,
    ErrorCode,
    GatewayError,
    IdempotencyConflictError,
    RefusalError,
    UniqueIdConflictError,
)
from schema.task import Task


def not_found() -> GatewayError:
    return GatewayError(ErrorCode.NOT_FOUND, "the backend knows no such task")


def not_supported(backend: Backend, change: Change) -> GatewayError:
    return RefusalError(
        ActionNotSupportedError(
            code=ErrorCode.NOT_SUPPORTED,
            message=f"{backend.name} has no such operation",
            backend=backend,
            action=change.action,
        )
    )


def not_allowed(change: Change, task: Task | None) -> GatewayError:
    return RefusalError(
        ActionNotAllowedError(
            code=ErrorCode.NOT_ALLOWED_NOW,
            message="the backend refuses this for the task as it stands",
            action=change.action,
            task=task,
        )
    )


def unique_id_conflict(unique_id: str, holder: Task | None) -> GatewayError:
    return RefusalError(
        UniqueIdConflictError(
            code=ErrorCode.CONFLICT,
            message="another task has this unique id",
            unique_id=unique_id,
            conflicting_task=holder,
        )
    )


def key_conflict(idempotency_key: str) -> GatewayError:
    return RefusalError(
        IdempotencyConflictError(
            code=ErrorCode.CONFLICT,
            message="this idempotency key was used before with other input",
            idempotency_key=idempotency_key,
        )
    )
