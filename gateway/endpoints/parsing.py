"""From bytes to an OperationRequest. Whatever else was sent is refused with 400 and a sentence."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import orjson

from gateway.execution.persisted import OperationRequest
from gateway.refusals import bad_request

# orjson turns integers beyond 64 bits into floats, which lose digits.
_LONG_INTEGER = re.compile(rb"\d{19}")
# Of 18 digits in a row every ninth byte shows two: a look at a ninth of a long body tells most of them apart.
_STRIDE = 9
_TWO_DIGITS = re.compile(rb"\d\d")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_MAX_URL_PARAMETERS = 20


def parse_body(body: bytes) -> OperationRequest:
    """The request in a POST's body. Raises a Refusal BAD_USER_INPUT."""
    return to_request(parse_json(body, "the body"))


def parse_query_string(query_string: bytes) -> OperationRequest:
    """The request in a GET's parameters, `variables` and `extensions` being JSON. Raises a Refusal BAD_USER_INPUT."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_URL_PARAMETERS,
        )
    except ValueError:
        raise bad_request("the URL's parameters cannot be read") from None
    parameters: dict[str, Any] = dict(pairs)
    if len(parameters) != len(pairs):
        raise bad_request("a parameter is given twice")
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = parse_json(parameters[name].encode(), name)
        else:
            parameters.pop(name, None)
    return to_request(parameters)


def parse_json(body: bytes, what: str) -> Any:
    """The value that `body` spells, integers whole. Raises a Refusal BAD_USER_INPUT."""
    try:
        if _TWO_DIGITS.search(body[::_STRIDE]) and _LONG_INTEGER.search(body):
            return _loads_whole(body.decode("utf-8"))
        return orjson.loads(body)
    except (ValueError, RecursionError):
        raise bad_request(f"{what} is no JSON in UTF-8, or nested too deeply, or holds too long a number") from None


def to_request(value: object) -> OperationRequest:
    """A client's JSON as a request, every shape checked. Raises a Refusal BAD_USER_INPUT."""
    if isinstance(value, list):
        raise bad_request("batching is not offered: send one operation a request")
    if not isinstance(value, dict):
        raise bad_request("the body is no JSON object")
    query = _text(value, "query")
    document_id = _text(value, "documentId")
    persisted_hash = _persisted_hash(_object(value, "extensions"))
    if query is None and document_id is None and persisted_hash is None:
        raise bad_request("there is no query")
    return OperationRequest(
        query=query,
        operation_name=_text(value, "operationName") or None,
        variables=_object(value, "variables"),
        document_id=document_id,
        persisted_hash=persisted_hash,
    )


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    if found is None or isinstance(found, str):
        return found
    raise bad_request(f"{name} is no text")


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found = value.get(name)
    if found is None or isinstance(found, dict):
        return found
    raise bad_request(f"{name} is no object")


def _persisted_hash(extensions: Mapping[str, Any] | None) -> str | None:
    if extensions is None or extensions.get("persistedQuery") is None:
        return None
    match extensions["persistedQuery"]:
        case {"version": 1, "sha256Hash": str(found)} if _SHA256.fullmatch(found):
            return found.lower()
    raise bad_request("extensions.persistedQuery is not version 1 with a sha256Hash")


def _loads_whole(text: str) -> Any:
    """The value with its integers whole. Raises ValueError for what orjson does not take either."""
    value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError
    return value


def _no_constant(_: str) -> NoReturn:
    raise ValueError
