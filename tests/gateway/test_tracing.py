"""Spans tell what happened: one for the request, one for each operation, one for each call, none for a field."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from gateway.otel import OnceAMinute, OtelTracing
from gateway.settings import Settings, SettingsError
from schema.backend import Backend
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
TWO_TASKS = """query Two {
  a: task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { status type tags }
  b: task(by: {rosetta: {campaignId: "urban-driving-2025", annotationRequestId: "urban-driving-2025-week-12",
    sceneId: "scene-0001"}}) { status }
}"""


class Receiver:
    """A real OTLP receiver over HTTP, on a port of this machine."""

    def __init__(self) -> None:
        self.spans: list[str] = []
        self.traces: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                request = ExportTraceServiceRequest.FromString(body)
                spans = [
                    span
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
                receiver.spans += [span.name for span in spans]
                receiver.traces |= {span.trace_id.hex() for span in spans}
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Writes nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1/traces"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@contextmanager
def tracing(hosts: Sequence[str] = ()) -> Iterator[tuple[OtelTracing, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    found = OtelTracing(SimpleSpanProcessor(exporter), hosts=hosts)
    yield found, exporter
    found.close()


async def ask(gateway: World) -> None:
    response = await gateway.client.post(
        "/graphql", json={"query": TWO_TASKS}, headers={"traceparent": PARENT, "tracestate": "vendor=secret"}
    )
    assert "errors" not in response.json()


def sent_to(gateway: World, backend: Backend) -> list[str | None]:
    """The `traceparent` of each request that the backend has seen."""
    emulator = gateway.sandbox.scale if backend is Backend.SCALE else gateway.sandbox.rosetta
    return [request.headers.get("traceparent") for request in emulator.faults.recorder]


async def test_spans_of_one_request() -> None:
    """Request, operation and calls are one trace, that of the caller; fields have no spans."""
    with tracing() as (traced, exporter):
        async with world(tracing=traced) as gateway:
            await ask(gateway)
            asked = [*sent_to(gateway, Backend.SCALE), *sent_to(gateway, Backend.ROSETTA)]
        finished = exporter.get_finished_spans()
        spans = {span.name: span for span in finished}

    assert len(finished) == 2 + len(asked)
    calls = [name for name in spans if name.startswith(("SCALE ", "ROSETTA "))]
    assert sorted(set(spans) - set(calls)) == ["POST /graphql", "query Two"]
    assert {name.split()[0] for name in calls} == {"SCALE", "ROSETTA"}
    assert {format(_context(span).trace_id, "032x") for span in spans.values()} == {TRACE}
    assert _parent(spans["query Two"]) == _context(spans["POST /graphql"]).span_id
    assert {_parent(spans[name]) for name in calls} == {_context(spans["query Two"]).span_id}


@pytest.mark.parametrize("parents", [[PARENT, PARENT], [f"{PARENT}-{'x' * 600}"], ["00-0-0-01"]])
async def test_no_parent(parents: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Two parents, an endless one or none in its form begin a trace of their own, and nothing is said about it."""
    with tracing() as (traced, exporter):
        async with world(tracing=traced) as gateway:
            headers = [("traceparent", parent) for parent in parents]
            await gateway.client.post("/graphql", json={"query": TWO_TASKS}, headers=headers)
        traces = {format(_context(span).trace_id, "032x") for span in exporter.get_finished_spans()}

    assert len(traces) == 1
    assert traces != {TRACE}
    assert [line for line in caplog.records if "opentelemetry" in line.name] == []


async def test_no_id_stands_in_a_span() -> None:
    """Names and attributes hold no id of a task and no address."""
    with tracing() as (traced, exporter):
        async with world(tracing=traced) as gateway:
            await ask(gateway)
        written = "".join(f"{span.name}{dict(span.attributes or {})}" for span in exporter.get_finished_spans())

    assert "5ca1ab1e" not in written
    assert "scene-0001" not in written


async def test_the_trace_is_carried_on_to_listed_hosts_only() -> None:
    """The listed host gets our trace, the other one nothing at all; nobody gets the caller's own headers."""
    with tracing(["scale.sandbox"]) as (traced, exporter):
        async with world(tracing=traced) as gateway:
            await ask(gateway)
            to_scale, to_rosetta = sent_to(gateway, Backend.SCALE), sent_to(gateway, Backend.ROSETTA)
        call = next(span for span in exporter.get_finished_spans() if span.name.startswith("SCALE "))

    assert to_scale == [f"00-{TRACE}-{_context(call).span_id:016x}-01"]
    assert set(to_rosetta) == {None}


async def test_nothing_is_traced_unless_asked_for() -> None:
    """Without the setting there are no spans, and no header leaves."""
    async with world() as gateway:
        await ask(gateway)

        assert set(sent_to(gateway, Backend.SCALE)) == {None}


async def test_spans_reach_a_receiver(receiver: Receiver) -> None:
    """With the setting, a real receiver has every span when the gateway has stopped."""
    async with world(GATEWAY_TRACING__OTLP_URL=receiver.url) as gateway:
        await ask(gateway)

    assert {"POST /graphql", "query Two"} <= set(receiver.spans)
    assert receiver.traces == {TRACE}
    assert any(name.startswith("SCALE ") for name in receiver.spans)


async def test_a_receiver_that_is_gone_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Spans that cannot be sent are lost; operations are answered, and the end is held up for two seconds only.

    Of all its tries the exporter tells once.
    """
    async with world(GATEWAY_TRACING__OTLP_URL="http://127.0.0.1:9/v1/traces") as gateway:
        await ask(gateway)
        began_at = time.monotonic()
    took_s = time.monotonic() - began_at

    # The exporter alone would try for ten.
    assert took_s < 6
    assert len([line for line in caplog.records if "opentelemetry.exporter" in line.name]) == 1


def test_an_exporter_is_heard_once_a_minute() -> None:
    """However often it fails."""
    minutes = OnceAMinute()
    tries = [logging.makeLogRecord({"created": float(second)}) for second in range(1000, 1180, 5)]

    assert [line.created for line in tries if minutes.filter(line)] == [1000, 1060, 1120]


def test_a_failed_call_is_marked() -> None:
    """A call that fails has the error's class, and not its text, which may hold an address."""
    with tracing() as (traced, exporter):
        with pytest.raises(httpx.ConnectError), traced.call("SCALE", "GET /task/{id}", "http://scale.sandbox/v1"):
            raise httpx.ConnectError("https://secret.example/5ca1ab1e")
        (span,) = exporter.get_finished_spans()

    assert span.status.description == "ConnectError"
    assert not span.events


def test_the_sample_ratio_is_a_share() -> None:
    """Above 1 is refused by name."""
    with pytest.raises(SettingsError, match="GATEWAY_TRACING__SAMPLE_RATIO"):
        Settings.from_env({"GATEWAY_TRACING__SAMPLE_RATIO": "2"})


def _context(span: ReadableSpan) -> SpanContext:
    context: SpanContext | None = span.context
    assert context is not None
    return context


def _parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id
