"""Which text a request means: its own, a persisted one's, or a trusted one's only."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from cachetools import LRUCache
from redis.asyncio import Redis

from gateway.fail_open import FailOpen
from gateway.refusals import Refusal, bad_request, refusal
from gateway.reread import RereadFile

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client sent, shapes checked. `document_id` and `persisted_hash` stand for a text it did not send."""

    query: str | None
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None
    document_id: str | None = None
    persisted_hash: str | None = None


class DocumentStore(Protocol):
    """Texts by their SHA-256 in hexadecimal. Losing one is harmless: the client sends it again."""

    async def get(self, sha256: str) -> str | None: ...

    async def put(self, sha256: str, text: str) -> None: ...

    async def aclose(self) -> None: ...


class MemoryDocumentStore:
    """In this process, least recently used out first, bounded by the texts' characters."""

    def __init__(self, max_characters: int = 8_000_000) -> None:
        self._texts: LRUCache[str, str] = LRUCache(max_characters, getsizeof=len)

    async def get(self, sha256: str) -> str | None:
        return self._texts.get(sha256)

    async def put(self, sha256: str, text: str) -> None:
        if text:
            self._texts[sha256] = text

    async def aclose(self) -> None:
        self._texts.clear()


class RedisDocumentStore:
    """Shared by all replicas, for a day after the last registration. Redis that is down or slow knows nothing."""

    _KEY = "task-gateway:document:1:"
    _TTL_S = 86_400

    def __init__(self, redis: "Redis", fail_open: FailOpen) -> None:
        self._redis = redis
        self._fail_open = fail_open

    async def get(self, sha256: str) -> str | None:
        found = await self._fail_open.ask(lambda: self._redis.get(self._KEY + sha256), None)
        text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
        # Whoever writes Redis must not choose what a hash stands for.
        return text if text is not None and sha256_of(text) == sha256 else None

    async def put(self, sha256: str, text: str) -> None:
        await self._fail_open.ask(lambda: self._redis.set(self._KEY + sha256, text, ex=self._TTL_S), None)

    async def aclose(self) -> None:
        await self._redis.aclose()


def sha256_of(text: str) -> str:
    """The text's name in every store of persisted operations."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class PersistedDocuments:
    """Finds the text that a request means. With a manifest nothing runs but what it holds."""

    def __init__(self, store: DocumentStore, manifest: RereadFile[Mapping[str, str]] | None = None) -> None:
        self._store = store
        self._manifest = manifest
        self._trusted_texts: tuple[Mapping[str, str], frozenset[str]] | None = None

    @property
    def only_trusted(self) -> bool:
        return self._manifest is not None

    async def text_of(self, request: OperationRequest) -> str:
        """The document's text. Raises a Refusal: PERSISTED_QUERY_NOT_FOUND, PERSISTED_QUERY_NOT_SUPPORTED (403)."""
        if self._manifest is not None:
            return self._trusted(request, self._manifest.value)
        name = request.persisted_hash or _hash_in(request.document_id)
        if request.query is not None:
            if request.persisted_hash is not None and sha256_of(request.query) != request.persisted_hash:
                raise bad_request("extensions.persistedQuery.sha256Hash is not that of the query")
            return request.query
        text = None if name is None else await self._store.get(name)
        if text is None:
            raise _not_found()
        return text

    async def remember(self, request: OperationRequest) -> None:
        """Keeps a text sent together with its hash. Called once the document has proved valid."""
        if request.query is not None and request.persisted_hash is not None and not self.only_trusted:
            await self._store.put(request.persisted_hash, request.query)

    def _trusted(self, request: OperationRequest, manifest: Mapping[str, str]) -> str:
        if request.query is not None:
            if request.query not in self._texts(manifest):
                raise refusal(
                    "PERSISTED_QUERY_NOT_SUPPORTED",
                    "only documents of this gateway's manifest are run",
                    status=HTTPStatus.FORBIDDEN,
                )
            return request.query
        for name in (request.document_id, _hash_in(request.document_id), request.persisted_hash):
            if name is not None and name in manifest:
                return manifest[name]
        raise _not_found()

    def _texts(self, manifest: Mapping[str, str]) -> frozenset[str]:
        if self._trusted_texts is None or self._trusted_texts[0] is not manifest:
            self._trusted_texts = (manifest, frozenset(manifest.values()))
        return self._trusted_texts[1]


def _hash_in(document_id: str | None) -> str | None:
    """The SHA-256 in "sha256:<hex>" or "<hex>"; None where the id is no hash."""
    if document_id is None:
        return None
    name = document_id.removeprefix("sha256:").lower()
    return name if _SHA256.fullmatch(name) else None


def _not_found() -> Refusal:
    # Apollo's clients match on this message.
    return refusal("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", status=HTTPStatus.OK, lenient=True)
