"""How deep a record may nest: a field that goes deeper than every later step can follow is one that does not fit.

An answer is written by orjson, which stops at 254 levels, some thirty of them the answer's own; other steps go down by
recursion, of which Python allows a thousand.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gateway.backends.exact_json import encode

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
    if body is not None and not _may_be_deep(values, body):
        return values, body
    shallow_values = shallow(values, misfit)
    return shallow_values, body if body is not None and shallow_values is values else encode(shallow_values)


def shallow(values: Mapping[str, object], misfit: Callable[[str], None]) -> Mapping[str, object]:
    """The record itself, or where a field nests too deeply one in which it is null; `misfit` hears its name."""
    deep = [name for name, item in values.items() if item.__class__ in _CONTAINERS and is_too_deep(item)]
    for name in deep:
        misfit(name)
    return {**values, **dict.fromkeys(deep)} if deep else values


def is_too_deep(field: object) -> bool:
    """Whether a list or an object nests deeper than a field may; level by level, as recursion has an end too."""
    level: list[Any] = [field]
    for _ in range(_MAX_OF_FIELD):
        level = [
            item
            for container in level
            for item in (container.values() if container.__class__ is dict else container)
            if item.__class__ is dict or item.__class__ is list
        ]
        if not level:
            return False
    return True


def _written(values: object) -> bytes | None:
    """Its JSON; None where orjson refuses it, as it does what is too deep."""
    try:
        return orjson.dumps(values)
    except TypeError:
        return None


def _may_be_deep(values: Mapping[str, object], body: bytes) -> bool:
    # Most records have fewer brackets than they may have levels. For the others a walk would cost as much as decoding.
    if body.count(b"{") + body.count(b"[") <= MAX_LEVELS:
        return False
    within: object = values
    for _ in range(_ORJSON_LEVELS - MAX_LEVELS):
        within = [within]
    return _written(within) is None
