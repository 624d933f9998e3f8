"""Trusted documents: a manifest of the operations that clients were built with; nothing else runs."""

import json
from collections.abc import Mapping


class ManifestError(Exception):
    """The file is no manifest; the message says why."""


def read_manifest(text: str) -> Mapping[str, str]:
    """Each operation's text by its id, from Relay's format or Apollo's. Raises ManifestError.

    Relay's compiler writes one object of id to text; Apollo's generator a list of operations with id and body.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise ManifestError("it is no JSON") from None
    if not isinstance(content, dict):
        raise ManifestError("it is no JSON object")
    if content.get("format") == "apollo-persisted-query-manifest":
        return _apollo(content)
    if not all(isinstance(body, str) for body in content.values()):
        raise ManifestError("an id is not followed by a text, and it is not in Apollo's format")
    return content


def _apollo(content: Mapping[str, object]) -> Mapping[str, str]:
    if content.get("version") != 1:
        raise ManifestError("only version 1 of Apollo's format is known")
    operations = content.get("operations")
    if not isinstance(operations, list):
        raise ManifestError("it lists no operations")
    documents = {}
    for operation in operations:
        match operation:
            case {"id": str(name), "body": str(body)}:
                documents[name] = body
            case _:
                raise ManifestError("an operation lacks its id or its body")
    return documents
