"""Every failure a client can see.

GatewayError                     an exception that carries one failure; becomes data where the schema has room
  code        who can act        from
  BAD_USER_INPUT                 an argument that cannot be right, found before the wire or named by a backend
  NOT_FOUND                      the backend knows no such task
  CONFLICT                       a unique id or idempotency key that is taken
  NOT_SUPPORTED                  the backend has no such operation or filter
  NOT_ALLOWED_NOW                the backend has it, but refuses it for this task as it stands
  FORBIDDEN                      the caller lacks the scope
  BACKEND_NOT_CONFIGURED         no credentials for this backend in the settings
  BACKEND_UNAVAILABLE            connect errors, 5xx, Rosetta 5000, an open circuit
  BACKEND_TIMEOUT                no answer inside the backend's TIMEOUT_S
  BACKEND_RATE_LIMITED           429, retries spent
  BACKEND_REFUSED                our credentials or account: Scale 401 and 402, Rosetta 401, 402 and 403
  BACKEND_BAD_RESPONSE           malformed, truncated, oversized, or an answer that documents no meaning
  OUTCOME_UNKNOWN                a write whose answer was lost and cannot be learnt
  INTERNAL                       a bug of ours, masked; details stand in the log under the request id
"""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.backend import Backend
from schema.status import TaskAction

if TYPE_CHECKING:
    from schema.task import Task


@strawberry.enum(
    description="Why something could not be done, for programs to act on: as data in `TaskError` and "
    "`BackendFailure`, or, where a field had no room for it, in `errors` as `extensions.code`, "
    "beside `retryable`, `backend`, `retryAfterSeconds` and `requestId`.\n"
    "\n"
    "Some codes stand in `errors` alone, as they concern the request and not a task:\n"
    "\n"
    "- `GRAPHQL_PARSE_FAILED`, `GRAPHQL_VALIDATION_FAILED`, `OPERATION_RESOLUTION_FAILURE`: mend "
    "the document.\n"
    "- `TOO_COMPLEX`: ask for less at once; `extensions.limit` names the limit.\n"
    "- `UNAUTHENTICATED` (HTTP 401): send `Authorization: Bearer`, with a key or token that is "
    "valid.\n"
    "- `RATE_LIMITED` (HTTP 429), `OVERLOADED` (HTTP 503): wait as the header `Retry-After` "
    "says.\n"
    "- `REQUEST_TIMEOUT`: the operation's time was over; what had arrived is in `data`. Ask "
    "again for the rest.\n"
    "- `PERSISTED_QUERY_NOT_FOUND`: send the document along. `PERSISTED_QUERY_NOT_SUPPORTED`: "
    "only trusted documents run here.\n"
    "- `INTERNAL_SERVER_ERROR`: a fault of the gateway; quote the request id to its operator."
)
class ErrorCode(Enum):
    BAD_USER_INPUT = strawberry.enum_value(
        "BAD_USER_INPUT",
        description="An argument cannot be right: a malformed id, a list over 100 entries, `first` outside 1 to "
        "100, a damaged cursor, or what a backend refuses as invalid. Change the input; repeating it "
        "will not help.",
    )
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND",
        description="The backend knows no such task. Check the id and the backend; it is asked again 5 seconds "
        "later at the earliest.",
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT",
        description="A unique id or idempotency key is already used. Look at what holds it, `conflictingTask`, "
        "or choose another one.",
    )
    NOT_SUPPORTED = strawberry.enum_value(
        "NOT_SUPPORTED",
        description="This backend has no such operation or filter. Nothing was sent; do not try again. In a list "
        "the other backend's part stands.",
    )
    NOT_ALLOWED_NOW = strawberry.enum_value(
        "NOT_ALLOWED_NOW",
        description="The backend refuses this for the task as it stands; see the task's status and "
        "`allowedActions`. Repeat it only after the task has changed.",
    )
    FORBIDDEN = strawberry.enum_value(
        "FORBIDDEN",
        description="Your credentials lack the scope this field needs: `read` for queries and subscriptions, "
        "`write` for mutations. Nothing was sent; ask the operator for a key that has it.",
    )
    BACKEND_NOT_CONFIGURED = strawberry.enum_value(
        "BACKEND_NOT_CONFIGURED",
        description="The gateway has no credentials for this backend. Tell its operator; the other backend "
        "answers as ever.",
    )
    BACKEND_UNAVAILABLE = strawberry.enum_value(
        "BACKEND_UNAVAILABLE",
        description="The backend is down or answers with server errors. Try again later: after "
        "`retryAfterSeconds` where given, else with growing pauses. Reads were tried up to three "
        "times already; after many failures the gateway asks no more for 10 seconds, which "
        "`backends` shows as circuit OPEN.",
    )
    BACKEND_TIMEOUT = strawberry.enum_value(
        "BACKEND_TIMEOUT",
        description="The backend did not answer in time, which is 10 seconds with all tries unless the operator "
        "changed it. Try again later, with growing pauses.",
    )
    BACKEND_RATE_LIMITED = strawberry.enum_value(
        "BACKEND_RATE_LIMITED",
        description="The backend asks for fewer calls. Wait `retryAfterSeconds`, if given, then ask for less at once.",
    )
    BACKEND_REFUSED = strawberry.enum_value(
        "BACKEND_REFUSED",
        description="The backend refuses the gateway's credentials or account: not yours. Tell its operator; "
        "until then every try ends like this one.",
    )
    BACKEND_BAD_RESPONSE = strawberry.enum_value(
        "BACKEND_BAD_RESPONSE",
        description="The backend answered something that makes no sense: malformed, truncated, over 20 MB, or "
        "without an id or status. Tell the operator; trying again seldom helps.",
    )
    OUTCOME_UNKNOWN = strawberry.enum_value(
        "OUTCOME_UNKNOWN",
        description="A write was sent and its answer lost; it may have happened. Look before you repeat it: the "
        "message names the idempotency key of a creation, and a task shows its review.",
    )
    INTERNAL = strawberry.enum_value(
        "INTERNAL",
        description="A fault of the gateway, in one place; the rest of the answer stands. Quote the request id "
        "to its operator.",
    )


_RETRYABLE = frozenset({ErrorCode.BACKEND_UNAVAILABLE, ErrorCode.BACKEND_TIMEOUT, ErrorCode.BACKEND_RATE_LIMITED})


class GatewayError(Exception):
    """One expected failure: a code, who is concerned, and a sentence for people that holds no secret.

    `extensions` is what GraphQL puts beside the message when the failure ends a field. `log_detail` never reaches
    a client: it is for the log.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        backend: Backend | None = None,
        retry_after_s: float | None = None,
        path: tuple[str, ...] = (),
        log_detail: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.backend = backend
        self.retry_after_s = retry_after_s
        self.path = path
        self.log_detail = log_detail

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without any change."""
        return self.code in _RETRYABLE

    @property
    def extensions(self) -> dict[str, Any]:
        """What a client's program can read: code, and backend, retryability and input path where they apply."""
        extensions: dict[str, Any] = {"code": self.code.name, "retryable": self.retryable}
        if self.backend is not None:
            extensions["backend"] = self.backend.name
        if self.retry_after_s is not None:
            extensions["retryAfterSeconds"] = self.retry_after_s
        if self.path:
            extensions["argumentPath"] = list(self.path)
        return extensions


class RequestTimeoutError(GatewayError):
    """The operation's own time is over: REQUEST_TIMEOUT where it ends a field, BACKEND_TIMEOUT where it is data."""

    def __init__(self, backend: Backend | None = None) -> None:
        super().__init__(ErrorCode.BACKEND_TIMEOUT, "the operation's time is over", backend=backend)

    @property
    def extensions(self) -> dict[str, Any]:
        return {**super().extensions, "code": "REQUEST_TIMEOUT"}


def bad_input(message: str, *path: str) -> GatewayError:
    """A refusal of an argument; `path` names where in the input it stands."""
    return GatewayError(ErrorCode.BAD_USER_INPUT, message, path=path)


_CODE = "Why, for programs: act on this, not on the message."
_MESSAGE = "Why, for people. Do not match on it."
_RETRY = (
    "Whether the same request may succeed later without a change: true for BACKEND_UNAVAILABLE, BACKEND_TIMEOUT and "
    "BACKEND_RATE_LIMITED only."
)


@strawberry.interface(
    description="Why something asked of a task was not done. Select `__typename`, `code`, `message` and "
    "`retryable` of every error, and what single types add in inline fragments: new types may "
    "join."
)
class TaskError:
    code: ErrorCode = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    retryable: bool = strawberry.field(default=False, description=_RETRY)


@strawberry.type(
    description="An input that cannot be right, code BAD_USER_INPUT. Nothing was changed; mend what `path` names."
)
class BadInputError(TaskError):
    path: list[str] = strawberry.field(
        default_factory=list, description="Where in the input it stands, outermost name first."
    )


@strawberry.type(description="The backend knows no such task, code NOT_FOUND. Nothing was changed.")
class TaskNotFoundError(TaskError):
    pass


@strawberry.type(
    description="The backend has no such operation, code NOT_SUPPORTED: Rosetta has no cancel, tags, "
    "metadata, unique id or review. Nothing was sent; `Task.allowedActions` tells it beforehand."
)
class ActionNotSupportedError(TaskError):
    backend: Backend = strawberry.field(description="The backend that lacks it.")
    action: TaskAction = strawberry.field(description="What was asked for.")


@strawberry.type(
    description="The backend refuses this for the task as it stands, code NOT_ALLOWED_NOW: for example "
    "cancelling started or completed work. Nothing was changed; look at `task` before you go on."
)
class ActionNotAllowedError(TaskError):
    action: TaskAction = strawberry.field(description="What was asked for.")
    task: Annotated["Task", strawberry.lazy("schema.task")] | None = strawberry.field(
        default=None, description="The task as it stands, read after the refusal."
    )


@strawberry.type(
    description="The unique id belongs to another task, code CONFLICT. Nothing was changed; use "
    "`conflictingTask`, or choose another id."
)
class UniqueIdConflictError(TaskError):
    unique_id: str = strawberry.field(description="The unique id that was asked for and is taken.")
    conflicting_task: Annotated["Task", strawberry.lazy("schema.task")] | None = strawberry.field(
        default=None, description="The task that holds it, where it could be found."
    )


@strawberry.type(
    description="The idempotency key was used before, with other input, code CONFLICT. Nothing was created; "
    "take a new key for a new task."
)
class IdempotencyConflictError(TaskError):
    idempotency_key: str = strawberry.field(description="The key that was used before.")


@strawberry.type(
    description="The backend is not configured, unavailable, too slow, rate limited, refused our "
    "credentials, answered nonsense, or left the outcome of a write unknown: one of the BACKEND "
    "codes, or OUTCOME_UNKNOWN. Where `retryable` is true wait and ask again; else tell the "
    "operator."
)
class BackendError(TaskError):
    backend: Backend = strawberry.field(description="The backend that failed.")
    retry_after_seconds: float | None = strawberry.field(
        default=None,
        description="Seconds to wait before trying again, where the backend said so or the circuit is open; else null.",
    )
    request_id: str | None = strawberry.field(
        default=None,
        description="Names this request in the gateway's log; quote it to the operator. The same as the header "
        "`X-Request-Id` of the answer.",
    )


class RefusalError(GatewayError):
    """A refusal that has a type of its own: `data` is what clients see."""

    def __init__(self, data: TaskError) -> None:
        super().__init__(data.code, data.message)
        self.data = data


@strawberry.type(
    description="What one backend could not answer; the other backend's part stands. Its code is "
    "NOT_SUPPORTED for a filter that the backend cannot answer, BAD_USER_INPUT for one that it "
    "refuses, or one of the BACKEND codes."
)
class BackendFailure:
    backend: Backend = strawberry.field(description="The backend that could not answer.")
    code: ErrorCode = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    retryable: bool = strawberry.field(description=_RETRY)
    retry_after_seconds: float | None = strawberry.field(
        default=None, description="Seconds to wait before trying again, where known; else null."
    )


def failure_of(error: GatewayError, request_id: str) -> BadInputError | BackendError:
    """The failure as data: a backend's where one is concerned, else what is wrong with the input."""
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


def task_error(error: GatewayError, request_id: str) -> TaskError:
    """The failure of a write as data: what refuses has a type of its own."""
    if isinstance(error, RefusalError):
        return error.data
    return not_found() if error.code is ErrorCode.NOT_FOUND else failure_of(error, request_id)


def not_found() -> TaskNotFoundError:
    """The outcome of asking for a task that its backend does not know."""
    return TaskNotFoundError(code=ErrorCode.NOT_FOUND, message="the backend knows no such task")


def backend_failure(error: GatewayError, backend: Backend) -> BackendFailure:
    """The failure of `backend` that `error` tells of, as data."""
    return BackendFailure(
        backend=backend,
        code=error.code,
        message=error.message,
        retryable=error.retryable,
        retry_after_seconds=error.retry_after_s,
    )
