"""The GraphQL endpoint's parts, put together from the settings. Part of `create_app`, and used by it alone."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import redis.asyncio
import strawberry

from gateway.auth import ApiKey, Authenticator, KeysError, read_api_keys
from gateway.backends.transport import fetch_document
from gateway.drain import Drain
from gateway.endpoints.admission import Admission
from gateway.endpoints.graphql import GraphQLEndpoint
from gateway.endpoints.origins import Origins
from gateway.endpoints.websocket import MakeContext, Sockets
from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.execution.observed import Observation, ObservedOperations
from gateway.execution.persisted import DocumentStore, MemoryDocumentStore, PersistedDocuments, RedisDocumentStore
from gateway.execution.plan import Fragments, Plans
from gateway.execution.responses import KeptAnswers
from gateway.execution.trusted import ManifestError, read_manifest
from gateway.fail_open import FailOpen, RedisFailures
from gateway.jwks import JwtVerifier, KeySet
from gateway.load import Load
from gateway.metrics import Metrics
from gateway.operation_log import LineWriter, OperationLog
from gateway.rate import CallerRate, RateLimit
from gateway.redis_pools import retry
from gateway.reread import RereadFile
from gateway.settings import PREFIX, Anonymous, Execution, Profile, Settings, SettingsError, TracingSettings
from gateway.tracing import NoTracing, Tracing
from schema.context import Scope

T = TypeVar("T")

_ANONYMOUS_SCOPES: Mapping[Anonymous, frozenset[Scope]] = {
    Anonymous.NONE: frozenset(),
    Anonymous.READ: frozenset({Scope.READ}),
    Anonymous.READ_WRITE: frozenset({Scope.READ, Scope.WRITE}),
}


def graphql_endpoint(
    settings: Settings,
    schema: strawberry.Schema,
    make_context: MakeContext,
    *,
    keys: KeySet | None,
    store: DocumentStore,
    rate: RateLimit | None,
    observation: Observation,
    answers: KeptAnswers | None = None,
) -> GraphQLEndpoint:
    """/graphql; whole answers are kept in `answers`, where given.

    Raises SettingsError for a file of keys or documents that cannot be read.
    """
    limits = Limits(
        settings.limits, explains=settings.profile is Profile.EXPLORE, count=observation.metrics.count_limit
    )
    plans = Plans(schema._schema, Fragments()) if settings.execution is Execution.PLAN else None
    documents = Documents(schema._schema, limits, allows_introspection=settings.allows_introspection, plans=plans)
    manifest = _file(settings.trusted_documents, read_manifest, "TRUSTED_DOCUMENTS")
    operations = ObservedOperations(
        schema, documents, PersistedDocuments(store, manifest), limits, answers, observation=observation
    )
    admission = Admission(_authenticator(settings, keys), rate, limits)
    origins = Origins(settings.cors_origins)
    return GraphQLEndpoint(
        operations,
        admission,
        make_context,
        origins,
        Sockets(operations, admission, make_context, origins, limits, observation),
        observation=observation,
        limits=settings.limits,
        body_timeout_s=settings.request_timeout_s,
        shows_graphiql=settings.shows_graphiql,
    )


def observation(
    settings: Settings, metrics: Metrics, tracing: Tracing | None = None, lines: LineWriter | None = None
) -> Observation:
    """Everyone who hears of operations. Raises SettingsError for tracing without what it needs."""
    return Observation(
        metrics=metrics,
        log=OperationLog(settings.slow_operation_ms, lines),
        load=Load(settings.max_queued),
        drain=Drain(),
        tracing=tracing or _tracing(settings.tracing),
    )


def _tracing(settings: TracingSettings) -> Tracing:
    if settings.otlp_url is None:
        return NoTracing()
    try:
        from gateway.otel import otlp_tracing  # an extra that most installations lack
    except ImportError:
        raise SettingsError(f"{PREFIX}TRACING__OTLP_URL needs the extra otel: task-gateway[otel]") from None
    return otlp_tracing(str(settings.otlp_url), hosts=settings.propagate_to, sample_ratio=settings.sample_ratio)


def issuer_keys(settings: Settings) -> KeySet | None:
    """The keys of the issuer of tokens, None where no issuer is set; whoever asks for them closes them."""
    url = settings.auth.jwks_url
    if url is None:
        return None

    def fetch() -> Awaitable[bytes]:
        return fetch_document(str(url))

    return KeySet(fetch)


def _authenticator(settings: Settings, keys: KeySet | None) -> Authenticator:
    auth = settings.auth
    inline = _inline_keys(auth.api_keys.get_secret_value()) if auth.api_keys is not None else ()
    from_file = _file(auth.api_keys_file, read_api_keys, "AUTH__API_KEYS_FILE")

    tokens = None
    if keys is not None and auth.issuer is not None and auth.audience is not None:
        tokens = JwtVerifier(keys, issuer=auth.issuer, audience=auth.audience)
    return Authenticator(_ApiKeys(inline, from_file), tokens, _ANONYMOUS_SCOPES[auth.anonymous])


class _ApiKeys:
    """The keys as they stand now: one object until they change."""

    def __init__(self, inline: tuple[ApiKey, ...], from_file: RereadFile[tuple[ApiKey, ...]] | None) -> None:
        self._inline = inline
        self._from_file = from_file
        self._read: tuple[ApiKey, ...] = ()
        self._all = inline

    def __call__(self) -> tuple[ApiKey, ...]:
        if self._from_file is not None:
            read = self._from_file.value
            if read is not self._read:
                self._read, self._all = read, (*self._inline, *read)
        return self._all


def _inline_keys(text: str) -> tuple[ApiKey, ...]:
    try:
        return read_api_keys(text)
    except KeysError as error:
        raise SettingsError(f"{PREFIX}AUTH__API_KEYS: {error}") from None


def _file(path: Path | None, read: Callable[[str], T], name: str) -> RereadFile[T] | None:
    if path is None:
        return None
    try:
        return RereadFile(path, read)
    except (OSError, UnicodeError, KeysError, ManifestError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"{PREFIX}{name}: {path}: {reason}") from None


def _cache_url(settings: Settings) -> str:
    return settings.cache.url.get_secret_value()


def caller_rate(settings: Settings, metrics: Metrics) -> CallerRate | None:
    """How often one caller may ask, None where that is not limited; whoever asks for it closes it."""
    if settings.rate_limit is None:
        return None
    fail_open = FailOpen(RedisFailures("counting callers' requests", metrics.count_cache_failure))
    return CallerRate(settings.rate_limit, _cache_url(settings), fail_open)


def document_store(settings: Settings, metrics: Metrics) -> DocumentStore:
    """Where persisted operations are kept; whoever asks for it closes it."""
    url = _cache_url(settings)
    if url.startswith("memory:"):
        return MemoryDocumentStore()
    fail_open = FailOpen(RedisFailures("persisted operations", metrics.count_cache_failure))
    return RedisDocumentStore(redis.asyncio.Redis.from_url(url, retry=retry()), fail_open)
