"""From the exception that carries a failure to the data that tells it."""

from schema.errors import (
    BackendError,
    BadInputError,
    ErrorCode,
    GatewayError,
    RefusalError,
    TaskError,
    TaskNotFoundError,
)


def task_error(error: GatewayError, request_id: str) -> TaskError:
    """The failure of something asked of a task."""
    if isinstance(error, RefusalError):
        return error.data
    if error.code is ErrorCode.NOT_FOUND:
        return TaskNotFoundError(code=error.code, message=error.message)
    return lookup_error(error, request_id)


def lookup_error(error: GatewayError, request_id: str) -> BadInputError | BackendError:
    """The failure of a look-up: the input's, or its backend's."""
    if error.backend is None:
        return BadInputError(code=error.code, message=error.message, path=list(error.path))
    return BackendError(
        code=error.code,
        message=error.message,
        retryable=error.retryable,
        backend=error.backend,
        retry_after_seconds=error.retry_after_s,
        request_id=request_id,
    )
