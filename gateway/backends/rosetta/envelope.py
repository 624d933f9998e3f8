"""The envelope around every answer of Rosetta: code, message, data, date, requestId, success.

The vendor does not say which HTTP status business errors travel with, so a body that is an envelope is decided by its
code whatever the status; any other body by the status.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from gateway.backends.exact_json import decode
from gateway.backends.retry_after import retry_after_s
from gateway.backends.rosetta.codes import ERROR_CODES, OLD_SUCCESS, STALE_SIGNATURE, SUCCESS, Kind, meaning_of
from gateway.backends.transport import Answer
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError

_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_NOT_OFFERED = (404, 405)
_REFUSED = (401, 402, 403)


class StaleSignatureError(GatewayError):
    """BACKEND_REFUSED because the signature is too old: worth one more try with a new one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A success, or a "no such thing" that a read answers with None. `data` is parsed JSON, null for the latter."""

    code: int
    data: object = None

    @property
    def is_found(self) -> bool:
        return self.code == SUCCESS


def read_reply(answer: Answer, endpoint: str, now: datetime) -> Reply:
    """What `endpoint` answered. Raises GatewayError for everything that is neither a success nor "not found"."""
    try:
        envelope = decode(answer.body)
    except ValueError:
        envelope = None
    code = envelope.get("code") if isinstance(envelope, dict) else None
    if isinstance(envelope, dict) and isinstance(code, int) and not isinstance(code, bool):
        return _by_code(code, envelope, endpoint)
    raise _by_status(answer, endpoint, now)


def bad_response(endpoint: str, what: str) -> GatewayError:
    """A failure BACKEND_BAD_RESPONSE; `what` completes the sentence "ROSETTA …"."""
    return _failure(ErrorCode.BACKEND_BAD_RESPONSE, what, endpoint)


def _by_code(code: int, envelope: dict[str, object], endpoint: str) -> Reply:
    request_id = envelope.get("requestId")
    shown_id = request_id if isinstance(request_id, str) and _REQUEST_ID.fullmatch(request_id) else "none"
    detail = f"{endpoint} code={code} requestId={shown_id}"
    if code == OLD_SUCCESS:
        what = "answered as the older generation of its API does: check the base URL"
        raise _failure(ErrorCode.BACKEND_BAD_RESPONSE, what, detail)
    success = envelope.get("success")
    meaning = meaning_of(code, endpoint)
    if (success is not True) if meaning.kind is Kind.OK else (success is True):
        raise _failure(ErrorCode.BACKEND_BAD_RESPONSE, "sent an answer that contradicts itself", detail)
    if meaning.kind is Kind.OK:
        return Reply(code, envelope.get("data"))
    if meaning.kind is Kind.NOT_FOUND:
        return Reply(code)
    made = StaleSignatureError if code == STALE_SIGNATURE else GatewayError
    message = f"{Backend.ROSETTA.name} {meaning.text} (code {code})"
    raise made(ERROR_CODES[meaning.kind], message, backend=Backend.ROSETTA, log_detail=detail)


def _by_status(answer: Answer, endpoint: str, now: datetime) -> GatewayError:
    """The failure of an answer without an envelope."""
    status = answer.status
    detail = f"{endpoint} HTTP {status}"
    if status in _REFUSED:
        made = StaleSignatureError if status == STALE_SIGNATURE else GatewayError
        message = f"{Backend.ROSETTA.name} refuses the gateway's credentials"
        return made(ErrorCode.BACKEND_REFUSED, message, backend=Backend.ROSETTA, log_detail=detail)
    if status in _NOT_OFFERED:
        return _failure(ErrorCode.NOT_SUPPORTED, f"does not offer {endpoint} at this base URL", detail)
    if status == 408:
        return _failure(ErrorCode.BACKEND_TIMEOUT, "did not answer in time", detail)
    if status == 429:
        wait_s = retry_after_s(answer.retry_after, now)
        return _failure(ErrorCode.BACKEND_RATE_LIMITED, "asks for fewer calls", detail, retry_after_s=wait_s)
    if status >= 500:
        wait_s = retry_after_s(answer.retry_after, now)
        return _failure(ErrorCode.BACKEND_UNAVAILABLE, "answers with a server error", detail, retry_after_s=wait_s)
    return _failure(ErrorCode.BACKEND_BAD_RESPONSE, "sent an answer that is not in its documented form", detail)


def _failure(code: ErrorCode, what: str, detail: str, *, retry_after_s: float | None = None) -> GatewayError:
    message = f"{Backend.ROSETTA.name} {what}"
    return GatewayError(code, message, backend=Backend.ROSETTA, retry_after_s=retry_after_s, log_detail=detail)
