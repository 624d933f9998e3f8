"""What an answer of Scale means before its records are read: status, and JSON of the expected shape.

HTTP                what a caller sees
any 2xx             the data
404                 None from a read of one thing
400                 RefusedQueryError, BAD_USER_INPUT naming the backend
401, 402            BACKEND_REFUSED
408                 BACKEND_TIMEOUT
429                 BACKEND_RATE_LIMITED
5xx                 BACKEND_UNAVAILABLE; 520 to 530 come from the network in front of Scale
anything else       BACKEND_BAD_RESPONSE

Source: the vendor's page on errors and its Python SDK. The vendor's own text is neither shown nor logged.
"""

from datetime import datetime

from gateway.backends.exact_json import decode
from gateway.backends.retry_after import retry_after_s
from gateway.backends.transport import Answer
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError


class RefusedQueryError(GatewayError):
    """Scale answered 400 to a read, as it may to a filter that its documentation does not list (`status=error`)."""


def require_success(answer: Answer, endpoint: str, now: datetime) -> None:
    """Returns for a 2xx. Raises GatewayError for everything else; `now` is compared to a date to retry after."""
    if 200 <= answer.status < 300:
        return
    raise failure_of(answer, f"{endpoint} HTTP {answer.status}", now)


def json_of(answer: Answer, endpoint: str) -> object:
    """The JSON value in the answer. Raises GatewayError BACKEND_BAD_RESPONSE for what is no JSON."""
    try:
        return decode(answer.body)
    except ValueError as exc:
        raise bad_response(f"{endpoint} {exc}") from exc


def as_object(value: object, endpoint: str) -> dict[str, object]:
    """`value` itself, a JSON object. Raises GatewayError BACKEND_BAD_RESPONSE for anything else."""
    if not isinstance(value, dict):
        raise bad_response(f"{endpoint} no object")
    return value


def bad_response(detail: str) -> GatewayError:
    """A failure BACKEND_BAD_RESPONSE; `detail` is for the log and quotes nothing of the answer."""
    return _failure(ErrorCode.BACKEND_BAD_RESPONSE, "sent an answer that is not in its documented form", detail)


def failure_of(answer: Answer, detail: str, now: datetime) -> GatewayError:
    """What an answer that is no 2xx means; `detail` is for the log."""
    status = answer.status
    if status == 400:
        message = f"{Backend.SCALE.name} refuses this query"
        return RefusedQueryError(ErrorCode.BAD_USER_INPUT, message, backend=Backend.SCALE, log_detail=detail)
    if status in (401, 402):
        return _failure(ErrorCode.BACKEND_REFUSED, "refuses the gateway's credentials or account", detail)
    if status == 408:
        return _failure(ErrorCode.BACKEND_TIMEOUT, "did not answer in time", detail)
    wait_s = retry_after_s(answer.retry_after, now)
    if status == 429:
        return _failure(ErrorCode.BACKEND_RATE_LIMITED, "asks for fewer calls", detail, wait_s)
    if 500 <= status < 600:
        return _failure(ErrorCode.BACKEND_UNAVAILABLE, "answers with a server error", detail, wait_s)
    return bad_response(detail)


def _failure(code: ErrorCode, what: str, detail: str, wait_s: float | None = None) -> GatewayError:
    message = f"{Backend.SCALE.name} {what}"
    return GatewayError(code, message, backend=Backend.SCALE, retry_after_s=wait_s, log_detail=detail)
