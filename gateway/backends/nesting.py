"""How deep a record may nest: a field that goes deeper than every later step can follow is one that does not fit.

An answer is written by orjson, which stops at 254 levels, some thirty of them the answer's own; other steps go down by
recursion, of which Python allows a thousand.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gateway.backends.exact_json import encode
from schema.scalars import safe_json

# Of a whole record, its own braces among them.
MAX_LEVELS: Final = 100
_MAX_OF_FIELD: Final = MAX_LEVELS - 1
_ORJSON_LEVELS: Final = 254
_CONTAINERS = (dict, list)


def fitted(
    values: Mapping[str, object], body: bytes | None, misfit: Callable[[str], None]
) -> tuple[Mapping[str, object], bytes]:
    """The record and its JSON, made here where `body` is None. A field that nests too deeply is null in both, and
    `misfit` hears its name."""
    body = _written(values) if body is None else body
    # For records with more brackets a walk would cost as much as decoding.
    if body is not None and (_has_few_brackets(body) or _stays_within(values)):
        return values, body
    shallow_values = _shallow(values, misfit)
    return shallow_values, body if body is not None and shallow_values is values else encode(shallow_values)


def fitted_for_clients(values: Mapping[str, object], misfit: Callable[[str], None]) -> bytes:
    """The record's JSON with integers beyond 2^53 as texts, and nested as `fitted` leaves it."""
    try:
        body = orjson.dumps(safe_json(values))
    except (RecursionError, TypeError):
        pass
    else:
        if _has_few_brackets(body):
            return body
    return orjson.dumps(safe_json(_shallow(values, misfit)))


def is_too_deep(field: Any) -> bool:
    """Whether a list or an object nests deeper than a field may; level by level, as recursion has an end too."""
    level = _containers_in(field)
    # Most fields end here.
    if not level:
        return False
    for _ in range(_MAX_OF_FIELD - 1):
        level = [below for container in level for below in _containers_in(container)]
        if not level:
            return False
    return True


def _shallow(values: Mapping[str, object], misfit: Callable[[str], None]) -> Mapping[str, object]:
    """The record itself, or where a field nests too deeply one in which it is null; `misfit` hears its name."""
    deep = [name for name, item in values.items() if item.__class__ in _CONTAINERS and is_too_deep(item)]
    for name in deep:
        misfit(name)
    return {**values, **dict.fromkeys(deep)} if deep else values


def _containers_in(container: Any) -> list[Any]:
    items = container.values() if container.__class__ is dict else container
    return [item for item in items if item.__class__ is dict or item.__class__ is list]


def _written(values: object) -> bytes | None:
    """Its JSON; None where orjson refuses it, as it does what is too deep."""
    try:
        return orjson.dumps(values)
    except TypeError:
        return None


def _has_few_brackets(body: bytes) -> bool:
    """Whether there are not more of them than levels allowed, as in most records."""
    return body.count(b"{") + body.count(b"[") <= MAX_LEVELS


def _stays_within(values: object) -> bool:
    """Whether orjson can write the record with as many levels around it as it has to spare. It says no to some others:
    those with integers beyond 64 bits."""
    for _ in range(_ORJSON_LEVELS - MAX_LEVELS):
        values = [values]
    return _written(values) is not None
