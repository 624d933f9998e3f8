"""One call as the emulator reads it: path, query and body, with Rosetta's own way of refusing bad ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from gateway.sandbox.rosetta.vocabulary import Code

BASE_PATH = "/rosetta-open"
MAX_TEXT_BYTES = 255
"""Ids and names are limited in bytes of UTF-8, not in characters."""


class Refused(Exception):  # noqa: N818 - an answer the API gives, not a fault of this program
    """The call is answered with a business code instead of data."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request below the base path. `path` is still percent-encoded, so an encoded slash is no separator."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Headers
    body: bytes

    def last_segment(self) -> str:
        """The last path segment, decoded."""
        return unquote(self.path.rpartition("/")[2])

    def query_values(self, name: str) -> list[str]:
        """Every value of a query parameter, written as repeated keys or with brackets behind the key."""
        return [value for key, value in self.query if key in (name, f"{name}[]")]

    def query_text(self, name: str) -> str:
        """The only value of a required text parameter. Refuses with 4005."""
        values = self.query_values(name)
        if len(values) != 1:
            raise Refused(Code.INVALID_PARAMETER)
        return limited_text(values[0])

    def query_number(self, name: str, default: int) -> int:
        """A whole number from 1 up. Refuses with 4005."""
        values = self.query_values(name)
        if not values:
            return default
        digits = values[0]
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19 and int(digits) >= 1):
            raise Refused(Code.INVALID_PARAMETER)
        return int(digits)

    def json_object(self) -> dict[str, object]:
        """The JSON object in the body. Refuses another content type, bad JSON and other values with 4005."""
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(Code.INVALID_PARAMETER)
        try:
            body: object = orjson.loads(self.body)
        except orjson.JSONDecodeError as exc:
            raise Refused(Code.INVALID_PARAMETER) from exc
        if not isinstance(body, dict):
            raise Refused(Code.INVALID_PARAMETER)
        return body


def limited_text(value: object) -> str:
    """A non-empty text of at most 255 bytes. Refuses anything else with 4005."""
    text = filled_text(value)
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise Refused(Code.INVALID_PARAMETER)
    return text


def filled_text(value: object) -> str:
    """A non-empty text of any length. Refuses anything else with 4005."""
    if not isinstance(value, str) or value == "":
        raise Refused(Code.INVALID_PARAMETER)
    return value


def text_map(value: object) -> dict[str, str]:
    """A non-empty JSON object from text to non-empty text. Refuses anything else with 4005."""
    if not isinstance(value, Mapping) or not value:
        raise Refused(Code.INVALID_PARAMETER)
    return {filled_text(key): filled_text(text) for key, text in value.items()}


def text_list(value: object) -> list[str]:
    """A JSON list of non-empty texts; null and absent count as empty. Refuses anything else with 4005."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(Code.INVALID_PARAMETER)
    return [filled_text(text) for text in value]


async def read_call(scope: Scope, receive: Receive) -> Call | None:
    """The call of an HTTP scope, or None when it is not below the base path."""
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    if not raw_path.startswith(f"{BASE_PATH}/"):
        return None
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return Call(
        method=scope["method"],
        path=raw_path.removeprefix(BASE_PATH),
        query=tuple(query),
        headers=Headers(scope=scope),
        body=await _read_body(receive),
    )


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(chunks)
