"""Global ids: opaque to clients, made of what names the object, one text for one object."""

import base64
import binascii
import json

import orjson
import strawberry

from schema.errors import GatewayError, bad_input

# Longest id we make: three parts of at most 2048 bytes, escaped; anything longer is not ours.
_MAX_ID_CHARACTERS = 16_384


@strawberry.interface(description="An object with a global id, to be fetched again by `node(id:)`.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and stable; accepted by `node`.")


def encode_id(kind: str, *parts: str) -> strawberry.ID:
    """URL-safe text that `decode_id` turns back into exactly these parts."""
    return strawberry.ID(base64.urlsafe_b64encode(orjson.dumps((kind, *parts))).rstrip(b"=").decode())


def decode_id(value: str) -> tuple[str, ...]:
    """Kind and parts of a global id. Raises GatewayError BAD_USER_INPUT for a text this gateway never made."""
    if len(value) > _MAX_ID_CHARACTERS:
        raise _no_id(value)
    try:
        padded = value.encode("ascii") + b"=" * (-len(value) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        raise _no_id(value) from None
    if not (isinstance(parts, list) and parts and all(isinstance(part, str) for part in parts)):
        raise _no_id(value)
    # Base64 and JSON spell one value in many ways; only the one spelling is an id, or caches would hold twins.
    try:
        canonical = encode_id(*parts)
    except orjson.JSONEncodeError:  # a lone surrogate
        raise _no_id(value) from None
    if canonical != value:
        raise _no_id(value)
    return tuple(parts)


def _no_id(value: str) -> GatewayError:
    shown = value[:40].encode("ascii", "backslashreplace").decode()
    return bad_input(f"{shown!r} is no id of this gateway; ids are opaque and come from its answers", "id")
