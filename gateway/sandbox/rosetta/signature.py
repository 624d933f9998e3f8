"""Rosetta's request signature: three headers, checked before anything else is read.

The signature is the lowercase hex MD5 of `{X-TS}&{secretKey}&{accessKey}`; method, path and body are not
part of it. The timestamp is Unix time in milliseconds and is hashed exactly as it was sent.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from gateway.sandbox.rosetta.vocabulary import Code

KEY_HEADER = "x-stardust-key"
TIMESTAMP_HEADER = "x-ts"
SIGNATURE_HEADER = "x-sign"
INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """The three headers as they arrived; an absent header is empty."""

    access_key: str
    timestamp: str
    signature: str


def sign(timestamp: str, secret_key: str, access_key: str) -> str:
    """The signature of a timestamp: secret before access key, joined by bare ampersands."""
    message = f"{timestamp}&{secret_key}&{access_key}".encode()
    return hashlib.md5(message, usedforsecurity=False).hexdigest()


def refusal_code(
    headers: SignedHeaders, *, access_key: str, secret_key: str, wall_time: datetime, window_s: float
) -> Code | None:
    """Why these headers are refused: 402 unknown key, 401 wrong signature, 403 outside the window; else None.

    403 is only for a signature that is right but old (or ahead), so that signing again helps.
    """
    if not hmac.compare_digest(headers.access_key.encode(), access_key.encode()):
        return Code.UNKNOWN_KEY
    if not _is_int64(headers.timestamp):
        return Code.WRONG_SIGNATURE
    expected = sign(headers.timestamp, secret_key, access_key)
    if not hmac.compare_digest(headers.signature.encode(), expected.encode()):
        return Code.WRONG_SIGNATURE
    if abs(wall_time.timestamp() - int(headers.timestamp) / 1000) > window_s:
        return Code.SIGNATURE_EXPIRED
    return None


def _is_int64(timestamp: str) -> bool:
    digits = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 19
    return digits and int(timestamp) <= INT64_MAX
