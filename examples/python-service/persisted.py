"""The service's operations as a manifest of trusted documents, and a client that sends their hashes only.

python persisted.py > manifest.json     # what the gateway's GATEWAY_TRUSTED_DOCUMENTS points to
"""

import hashlib
import json
import sys
from typing import Any

import httpx
from gateway_client import Client, operations
from pydantic_core import to_jsonable_python


def document_id(text: str) -> str:
    """A document's name in the manifest."""
    return hashlib.sha256(text.encode()).hexdigest()


def manifest() -> dict[str, str]:
    """Each operation's text by its hash, in Relay's format."""
    texts = [getattr(operations, name) for name in operations.__all__]
    return {document_id(text): text for text in texts}


class PersistedClient(Client):
    """Sends a document's hash in place of its text. Over a WebSocket the protocol asks for the text itself."""

    async def _execute_json(
        self, query: str, operation_name: str | None, variables: dict[str, Any], **kwargs: Any
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json", **kwargs.pop("headers", {})}
        body = {
            "documentId": f"sha256:{document_id(query)}",
            "operationName": operation_name,
            "variables": to_jsonable_python(variables),
        }
        return await self.http_client.post(url=self.url, json=body, headers=headers, **kwargs)


if __name__ == "__main__":
    json.dump(manifest(), sys.stdout, indent=2)
