"""Tracing by OpenTelemetry. Needs the extra `otel`; imported only where the settings ask for it.

No text of a client reaches a span but the operation's name. Exceptions are not recorded: their texts may hold
addresses with customers' ids.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.tracing import Headers

_TRACEPARENT = b"traceparent"
_LONGEST_TRACEPARENT = 256
_LAST_SPANS_S = 2.0


class OtelTracing:
    """Fulfils `Tracing`. The trace is carried on to `hosts` (names without a port) and to nobody else."""

    def __init__(self, processor: SpanProcessor, *, hosts: Sequence[str] = (), sample_ratio: float = 1.0) -> None:
        resource = Resource.create({"service.name": "task-gateway", "service.version": version("task-gateway")})
        # A provider of our own: the process-wide one belongs to whoever embeds the gateway.
        self._provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_ratio)))
        self._provider.add_span_processor(processor)
        self._tracer: Tracer = self._provider.get_tracer("task-gateway")
        self._propagator = TraceContextTextMapPropagator()
        self._hosts = frozenset(host.lower() for host in hosts)

    @contextmanager
    def request(self, method: str, path: str, headers: Headers) -> Iterator[None]:
        attributes = {"http.request.method": method, "url.path": path}
        with self._tracer.start_as_current_span(
            f"{method} {path}",
            context=self._context(headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
        ):
            yield

    @contextmanager
    def operation(self, kind: str, name: str | None, *, is_stream: bool) -> Iterator[None]:
        attributes = {"graphql.operation.type": kind}
        if name is not None:
            attributes["graphql.operation.name"] = name
        span_name = kind if name is None else f"{kind} {name}"
        if is_stream:
            # A stream's steps run in contexts of their own: its span cannot be made current for all of them.
            span = self._tracer.start_span(span_name, attributes=attributes)
            try:
                yield
            finally:
                span.end()
            return
        with self._tracer.start_as_current_span(span_name, attributes=attributes, record_exception=False):
            yield

    @contextmanager
    def call(self, backend: str, endpoint: str, url: str) -> Iterator[Mapping[str, str]]:
        host = (urlsplit(url).hostname or "").lower()
        attributes = {"server.address": host, "gateway.backend": backend, "gateway.endpoint": endpoint}
        with self._tracer.start_as_current_span(
            f"{backend} {endpoint}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            headers: dict[str, str] = {}
            if host in self._hosts:
                self._propagator.inject(headers)
            try:
                yield headers
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def close(self) -> None:
        self._provider.shutdown()

    def _context(self, headers: Headers) -> Context:
        parents = [value.decode("latin-1") for name, value in headers if name == _TRACEPARENT]
        # Of two neither can be trusted, and of a very long one the library would write a line each time.
        is_one = len(parents) == 1 and len(parents[0]) <= _LONGEST_TRACEPARENT
        return self._propagator.extract({"traceparent": parents[0]}, Context()) if is_one else Context()


class _Batches(BatchSpanProcessor):
    """Sends the last spans within 2 s or not at all: trying again for ten, a receiver that is down would hold up the
    end of the process beyond its drain time."""

    def shutdown(self) -> None:
        closing = threading.Thread(target=super().shutdown, daemon=True)
        closing.start()
        closing.join(_LAST_SPANS_S)
        if closing.is_alive():
            self.span_exporter.shutdown()


class OnceAMinute(logging.Filter):
    """Lets one line a minute pass: an exporter tells of each of its tries, for as long as the receiver is down."""

    def __init__(self) -> None:
        super().__init__()
        self._passes_at = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created < self._passes_at:
            return False
        self._passes_at = record.created + 60
        return True


def otlp_tracing(url: str, *, hosts: Sequence[str], sample_ratio: float) -> OtelTracing:
    """Sends spans in batches to an OTLP receiver over HTTP; `url` is the whole address, ending in `/v1/traces`."""
    logging.getLogger(OTLPSpanExporter.__module__).filters[:] = [OnceAMinute()]
    return OtelTracing(_Batches(OTLPSpanExporter(endpoint=url)), hosts=hosts, sample_ratio=sample_ratio)
