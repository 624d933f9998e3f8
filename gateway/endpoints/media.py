"""Media types: what a client sends, and what it takes (RFC 9110, sections 8.3 and 12.5.1)."""

from collections.abc import Collection
from functools import lru_cache

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"


def parse_media_type(text: str) -> tuple[str, dict[str, str]]:
    """`type/subtype` in lower case, and the parameters."""
    essence, *rest = text.split(";")
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    return essence.strip().lower(), parameters


@lru_cache(maxsize=256)
def is_json_body(content_type: str | None) -> bool:
    """Whether the body is JSON in UTF-8, by its media type compared as one."""
    if content_type is None:
        return False
    essence, parameters = parse_media_type(content_type)
    return essence == JSON and parameters.get("charset", "utf-8").lower() in ("utf-8", "utf8")


@lru_cache(maxsize=256)
def preferred(accept: str | None) -> str | None:
    """What to answer with: JSON, RESPONSE_JSON or EVENT_STREAM; None when nothing we have is taken.

    No preference means JSON: clients from before GraphQL over HTTP expect it. An event stream is never given to
    a client that did not name it.
    """
    if accept is None or not accept.strip():
        return JSON
    parsed = [parse_media_type(entry) for entry in accept.split(",")]
    qualities = [(essence, _quality(parameters.get("q"))) for essence, parameters in parsed]
    refused = {essence for essence, quality in qualities if quality == 0}
    best: tuple[float, str] | None = None
    for essence, quality in qualities:
        offered = _offer(essence, refused)
        if offered is not None and quality > 0 and (best is None or quality > best[0]):
            best = (quality, offered)
    return None if best is None else best[1]


def _offer(essence: str, refused: Collection[str]) -> str | None:
    if essence in (JSON, RESPONSE_JSON, EVENT_STREAM):
        return essence
    if essence not in ("*/*", "application/*"):
        return None
    return next((one for one in (JSON, RESPONSE_JSON) if one not in refused), None)


def _quality(text: str | None) -> float:
    if text is None:
        return 1.0
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
