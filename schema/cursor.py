"""Cursors: opaque to clients, URL-safe, made of a position in one list; they outlive the process that made them.

A cursor is a checksum and a JSON array of version, kind of list, fingerprint of the list's filter, and position, in
base64 without padding. The checksum finds damage; it is no signature, so positions are checked as any input.
"""

import base64
import binascii
import hashlib
import json
from typing import Final

from schema.errors import GatewayError, bad_input

_VERSION: Final = 1
_CHECKSUM_BYTES: Final = 8
# Two positions with ids and a backend's own token; anything longer is not ours.
_MAX_CHARACTERS: Final = 8192


def encode_cursor(kind: str, fingerprint: str, position: object) -> str:
    """The text that `decode_cursor` turns back into `position`, a JSON value."""
    body = json.dumps([_VERSION, kind, fingerprint, position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(body) + body).rstrip(b"=").decode()


def decode_cursor(kind: str, fingerprint: str, cursor: str) -> object:
    """The position. Raises GatewayError BAD_USER_INPUT for a text that is no cursor of this very list."""
    parts = _read(cursor)
    if parts[0] != _VERSION:
        raise foreign_cursor("was made by another version of the gateway: start from the first page")
    if parts[1] != kind:
        raise foreign_cursor("belongs to another list")
    if parts[2] != fingerprint:
        raise foreign_cursor("belongs to the same list under another filter: a cursor goes with its filter")
    return parts[3]


def foreign_cursor(why: str) -> GatewayError:
    """A refusal of the argument `after`."""
    return bad_input(f"this cursor {why}", "after")


def _read(cursor: str) -> list[object]:
    if len(cursor) > _MAX_CHARACTERS:
        raise _damaged()
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = base64.b64decode(padded, altchars=b"-_", validate=True)
        checksum, body = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        parts = json.loads(body)
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        raise _damaged() from None
    # Base64 spells one content in several ways; only the one that was given out is a cursor.
    spelt = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    if checksum != _checksum(body) or spelt != cursor or not isinstance(parts, list) or len(parts) != 4:
        raise _damaged()
    return parts


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES, person=b"task-gateway").digest()


def _damaged() -> GatewayError:
    return foreign_cursor("is none of this gateway, or damaged; cursors are opaque and come from its answers")
