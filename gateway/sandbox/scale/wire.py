"""JSON, errors and times as they go over Scale's wire."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response


class RefusedError(Exception):
    """A request is answered with an error: `{"status_code", "error"}` under that HTTP status."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers

    def to_response(self) -> Response:
        return json_response(error_record(self.status, self.message), self.status, self.headers)


def error_record(status: int, message: str) -> dict[str, Any]:
    return {"status_code": status, "error": message}


def error_body(status: int) -> bytes:
    """The body Scale sends with an error status for which the emulator has no reason of its own."""
    return encode(error_record(status, _REASONS.get(status, "We had a problem with our server. Try again later.")))


_REASONS = {
    401: "No valid API key provided.",
    402: "Please contact Scale before creating this type of task.",
    408: "The request timed out.",
    429: "Too many requests hit the API too quickly.",
}


def encode(payload: object) -> bytes:
    """Compact JSON in UTF-8. Lone surrogates, which UTF-8 cannot carry, are written as escapes."""
    try:
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(payload, separators=(",", ":")).encode()


def json_response(payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(payload), status, headers, media_type="application/json; charset=utf-8")


def text_response(text: str) -> Response:
    return Response(text, media_type="text/plain")


async def read_json(request: Request) -> Any:
    """The request's JSON, or None without a body (Scale's SDK sends none for an empty list or object).

    Raises RefusedError 400 for another content type and for bytes that are not JSON.
    """
    body = await request.body()
    if not body:
        return None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RefusedError(400, "Content-Type must be application/json.")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "Request body is not valid JSON.") from error


async def read_object(request: Request) -> dict[str, Any]:
    """The request's JSON object, `{}` without a body. Raises RefusedError 400 for any other JSON."""
    value = await read_json(request)
    if value is None and not await request.body():
        return {}
    if not isinstance(value, dict):
        raise RefusedError(400, "Request body must be a JSON object.")
    return value


def path_text(request: Request, name: str) -> str:
    """One segment of the path, decoded: routes see it as sent, so that `%2F` stays inside its segment."""
    return unquote(request.path_params[name])


def format_time(moment: datetime) -> str:
    """UTC with milliseconds and `Z`, as every time in Scale's answers."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def parse_time(text: str) -> datetime:
    """An ISO 8601 date or date-time; UTC where it names no zone. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
