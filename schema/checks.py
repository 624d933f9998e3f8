"""What an input must be before anything is sent. Each check raises GatewayError BAD_USER_INPUT naming the path."""

import json
import re
from collections.abc import Sequence

from schema.changes import MAX_TAGS
from schema.errors import bad_input
from schema.scalars import JSON

MAX_METADATA_BYTES = 10_240
# Far more than data about a task needs, and few enough for every reader of it.
MAX_METADATA_LEVELS = 32
_PRIORITIES = (10, 20, 30)
# What may stand in an HTTP header without quoting or folding (RFC 9110, section 5.6.2 and 5.5).
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


def checked_tags(tags: Sequence[str], *path: str, most: int | None = MAX_TAGS) -> tuple[str, ...]:
    """Each tag once, in their order: none empty, and at most `most` of them."""
    for index, tag in enumerate(tags):
        checked_text(tag, *path, str(index))
    distinct = tuple(dict.fromkeys(tags))
    if most is not None and len(distinct) > most:
        raise bad_input(f"a task has at most {most} tags, not {len(distinct)}", *path)
    return distinct


def checked_metadata(metadata: object, *path: str) -> JSON:
    """The metadata itself: an object of at most 10 KB as JSON in UTF-8 and at most 32 levels."""
    if not isinstance(metadata, dict):
        raise bad_input("metadata is a JSON object", *path)
    if not _nests_within(MAX_METADATA_LEVELS, metadata):
        raise bad_input(f"metadata nests deeper than {MAX_METADATA_LEVELS} levels of objects and lists", *path)
    try:
        body = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:  # a number that is none, an endless integer, or a lone surrogate
        raise bad_input("metadata holds a number or text that JSON cannot carry", *path) from None
    if len(body) > MAX_METADATA_BYTES:
        raise bad_input(f"metadata takes {len(body)} bytes as JSON; at most {MAX_METADATA_BYTES} are allowed", *path)
    return JSON(metadata)


def checked_text(text: str, *path: str) -> str:
    """The text itself: not empty, without lone surrogates."""
    if not text:
        raise bad_input("an empty text means nothing here", *path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise bad_input("a lone surrogate is no text", *path) from None
    return text


def checked_priority(priority: int, *path: str) -> int:
    """10, 20 or 30."""
    if priority not in _PRIORITIES:
        raise bad_input(f"priority is 10, 20 or 30, not {priority}", *path)
    return priority


def checked_idempotency_key(key: str, *path: str) -> str:
    """The key itself: what a header can carry."""
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise bad_input("an idempotency key is 1 to 255 visible ASCII characters without spaces", *path)
    return key


def _nests_within(levels: int, value: object) -> bool:
    """Whether there are no more levels of objects and lists than that; it goes no deeper to find out."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return items is None or (levels > 0 and all(_nests_within(levels - 1, item) for item in items))
