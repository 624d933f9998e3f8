"""JSON as the backends send it, decoded and encoded without losing a digit.

orjson does nearly all of it. What it rounds or refuses goes through the standard library: integers beyond 64 bits,
numbers beyond a double, and lone surrogates, which are no text in UTF-8 and become U+FFFD.
"""

import json
import math
import re
from typing import NoReturn

import orjson

from schema.scalars import safe_json

# Every integer of 18 digits fits 64 bits. Those beyond 2^53, which readers in other languages round, have 16 or more.
_MAYBE_BEYOND_64_BITS = b"0" * 19
_MAYBE_BEYOND_DOUBLE = b"0" * 16
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_INTEGER = re.compile(rb"(?<![.\d])\d{19}")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Python refuses to print longer integers.
_MAX_INTEGER_CHARACTERS = 4000
# What no decoder goes down to is cut off here: deeper than any record may nest, and shallower than recursion ends.
_LEVELS_LEFT = 200
_MOST_BRACKETS = 50_000
# A text without an end is one up to the end: looking for the end from each quote in it would take for ever.
_TEXT_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)


def decode(body: bytes) -> object:
    """The JSON value in `body`, integers exact. Raises ValueError for anything that is no JSON.

    A number beyond a double (1e400) is its text. In JSON of more than about a thousand levels those below 200 are null.
    """
    if not _has_long_integer(body):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    return _decode_slowly(body)


def decode_for_clients(body: bytes) -> object:
    """The JSON value in `body`, integers beyond 2^53 as text. Raises ValueError as `decode` does."""
    value = decode(body)
    return safe_json(value) if _MAYBE_BEYOND_DOUBLE in body.translate(_DIGITS_TO_ZERO) else value


def encode(value: object) -> bytes:
    """JSON that `decode` makes `value` of again. Raises ValueError where it is nested too deeply."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, or more than 254 levels
        pass
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _has_long_integer(body: bytes) -> bool:
    # Two steps, as the expression costs 30 times what the two passes of plain C do.
    return _MAYBE_BEYOND_64_BITS in body.translate(_DIGITS_TO_ZERO) and _LONG_INTEGER.search(body) is not None


def _decode_slowly(body: bytes) -> object:
    try:
        text = body.decode()
        try:
            return _parsed(text)
        except RecursionError:
            return _parsed(_without_depths(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        raise ValueError("not JSON") from None


def _parsed(text: str) -> object:
    value = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_refuse)
    return _without_surrogates(value) if "\\ud" in text.lower() else value


def _without_depths(text: str) -> str:
    """The JSON in which each list or object below the deepest level left is null.

    Raises RecursionError where that would take long, ValueError where one has no end.
    """
    if text.count("[") + text.count("{") > _MOST_BRACKETS:
        raise RecursionError
    parts: list[str] = []
    start = level = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        if found[0] in ("[", "{"):
            level += 1
            if level == _LEVELS_LEFT + 1:
                parts += text[start : found.start()], "null"
        elif found[0] in ("]", "}"):
            if level == _LEVELS_LEFT + 1:
                start = found.end()
            level -= 1
    if level:
        raise ValueError("a list or an object has no end")
    return "".join((*parts, text[start:]))


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _MAX_INTEGER_CHARACTERS else text


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value
