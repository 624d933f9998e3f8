"""Planted secrets are found nowhere: answers, log, metrics, traces, keys and values of the cache."""

import base64
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from redis import Redis

from gateway.demo import CALLBACK_SECRET as SANDBOX_CALLBACK_SECRET
from gateway.demo import ROSETTA_ACCESS_KEY, ROSETTA_SECRET_KEY, DemoSandbox
from gateway.demo import SCALE_KEY as SANDBOX_SCALE_KEY
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.scale.seed import DEMO_COMPLETED
from tests.execution import ENVIRONMENT
from tests.gateway.sandbox.served import served
from tests.redis_server import PASSWORD, redis_server

SCALE_KEY = "live_planted-scale-key-0001"
ROSETTA_SECRET = "planted-rosetta-secret-0002"
CALLERS_KEY = "planted-callers-key-0003"
PLANTED = (SCALE_KEY, ROSETTA_SECRET, CALLERS_KEY, "bGl2ZV9wbGFudGVk")
# What Redis holds after everything was asked.
STORED = ("task-gateway:rate:", "task-gateway:document:", "task:", DEMO_COMPLETED)


@contextmanager
def _serve(**environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"],
        env={"PATH": os.environ["PATH"], "GATEWAY_PORT": str(port), **ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    origin = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{origin}/livez", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)  # a real process is starting
        yield origin, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


def test_planted_keys() -> None:
    """With backends failing in every way and callers asking with keys, none of them is ever seen."""
    sandbox = DemoSandbox(SandboxClock.manual())
    seen = []
    with served(sandbox.scale.app) as scale, served(sandbox.rosetta.app) as rosetta:
        for fault in (Fault(kind="status", status=401), Fault(kind="malformed"), Fault(kind="status", status=500)):
            sandbox.scale.faults.add(fault)
            sandbox.rosetta.faults.add(fault)
        with _serve(
            GATEWAY_SCALE__BASE_URL=f"{scale}/v1",
            GATEWAY_SCALE__API_KEY=SCALE_KEY,
            GATEWAY_ROSETTA__BASE_URL=f"{rosetta}/rosetta-open",
            GATEWAY_ROSETTA__ACCESS_KEY="planted-access",
            GATEWAY_ROSETTA__SECRET_KEY=ROSETTA_SECRET,
            GATEWAY_AUTH__ANONYMOUS="read",
            GATEWAY_LOG_LEVEL="debug",
        ) as (origin, process):
            for number in range(4):
                seen.append(_ask(origin, number, {}))
                seen.append(_ask(origin, number, {"authorization": f"Bearer {CALLERS_KEY}"}))
            seen.append(httpx.get(f"{origin}/metrics", trust_env=False).text)
            process.send_signal(signal.SIGINT)
            log, _ = process.communicate(timeout=30)

    everything = "\n".join([*seen, log])
    assert "backend call failed" in log
    assert [secret for secret in PLANTED if secret in everything] == []


def _ask(origin: str, number: int, headers: dict[str, str]) -> str:
    query = """query($r: RosettaTaskBy!, $s: ID!) {
        a: task(by: {scaleTaskId: $s}) { id } b: task(by: {rosetta: $r}) { id } }"""
    variables = {
        "s": f"planted{number}",
        "r": {"campaignId": "c", "annotationRequestId": "r", "sceneId": f"scene {number}"},
    }
    response = httpx.post(
        f"{origin}/graphql",
        json={"query": query, "variables": variables},
        headers=headers,
        trust_env=False,
        timeout=40,
    )
    return f"{response.status_code} {response.headers} {response.text}"


# The keys that the emulators want, so that there is something to trace and to cache.
USED = (
    SANDBOX_SCALE_KEY,
    base64.b64encode(f"{SANDBOX_SCALE_KEY}:".encode()).decode().rstrip("="),
    ROSETTA_SECRET_KEY,
    SANDBOX_CALLBACK_SECRET,
    CALLERS_KEY,
    hashlib.sha256(CALLERS_KEY.encode()).hexdigest(),
    PASSWORD,
    "p%40ss%2Fw%C3%B6rd",
)


@contextmanager
def _span_receiver() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP receiver's address, and every body that it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(str(self.headers).encode() + self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Writes nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.redis
def test_planted_keys_in_traces_and_redis(tmp_path: Path) -> None:
    """With tasks traced, shared, counted and called back about, no key is in a span, nor in a key or value of Redis."""
    sandbox = DemoSandbox(SandboxClock.manual())
    with (
        served(sandbox.scale.app) as scale,
        served(sandbox.rosetta.app) as rosetta,
        redis_server(tmp_path) as redis,
        _span_receiver() as (spans_url, spans),
        _serve(
            GATEWAY_SCALE__BASE_URL=f"{scale}/v1",
            GATEWAY_SCALE__API_KEY=SANDBOX_SCALE_KEY,
            GATEWAY_SCALE__CALLBACK_SECRET=SANDBOX_CALLBACK_SECRET,
            GATEWAY_ROSETTA__BASE_URL=f"{rosetta}/rosetta-open",
            GATEWAY_ROSETTA__ACCESS_KEY=ROSETTA_ACCESS_KEY,
            GATEWAY_ROSETTA__SECRET_KEY=ROSETTA_SECRET_KEY,
            GATEWAY_AUTH__API_KEYS=f"ci:{hashlib.sha256(CALLERS_KEY.encode()).hexdigest()}:read+write",
            GATEWAY_CACHE__URL=redis.url,
            GATEWAY_RATE_LIMIT="100/minute",
            GATEWAY_TRACING__OTLP_URL=spans_url,
            GATEWAY_LOG_LEVEL="debug",
        ) as (origin, process),
    ):
        seen = _ask_for_everything(origin)
        sandbox.scale.faults.add(Fault(kind="status", status=401))
        seen.append(_ask(origin, 9, {"authorization": f"Bearer {CALLERS_KEY}"}))
        stored = _stored(redis.url)
        for _ in range(5):
            if all(kind in "\n".join(stored) for kind in STORED):
                break
            time.sleep(1.1)  # a moment in which Redis was slow, it is left alone for a second
            seen += _ask_for_everything(origin)
            stored = _stored(redis.url)
        process.send_signal(signal.SIGINT)
        log, _ = process.communicate(timeout=30)

    traced = b"".join(spans)
    places = {"answers": "\n".join(seen), "log": log, "spans": traced.decode("latin-1"), "redis": "\n".join(stored)}
    assert "COMPLETED" in places["answers"]
    assert b"POST /graphql" in traced
    assert b"SCALE" in traced
    for kind in STORED:
        assert kind in places["redis"]
    assert [(place, secret) for place, text in places.items() for secret in USED if secret in text] == []


def _ask_for_everything(origin: str) -> list[str]:
    """Writes, sends callbacks true and forged, reads a task by an operation that it persists, and scrapes."""
    headers = {"authorization": f"Bearer {CALLERS_KEY}"}
    read = "query($id: ID!) { task(by: {scaleTaskId: $id}) { status raw } }"
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(read.encode()).hexdigest()}}
    task = f'{{scaleTaskId: "{DEMO_COMPLETED}"}}'
    write = f'mutation {{ addTaskTags(input: {{task: {task}, tags: ["fog"]}}) {{ task {{ tags }} }} }}'
    listed = {"query": "{ tasks(first: 5) { nodes { id } failures { code } } }"}
    with httpx.Client(base_url=origin, trust_env=False, timeout=40) as client:
        answers = [client.post("/graphql", json={"query": write}, headers=headers)]
        for secret in (SANDBOX_CALLBACK_SECRET, SANDBOX_CALLBACK_SECRET + "x"):
            callback = {"task": {"task_id": DEMO_COMPLETED}, "task_id": DEMO_COMPLETED}
            answers.append(client.post("/webhooks/scale", json=callback, headers={"scale-callback-auth": secret}))
        by_hash = {"query": read, "variables": {"id": DEMO_COMPLETED}, "extensions": persisted}
        answers += [client.post("/graphql", json=body, headers=headers) for body in (by_hash, listed)]
        answers.append(client.get("/metrics"))
    return [f"{answer.status_code} {answer.headers} {answer.text}" for answer in answers]


def _stored(url: str) -> list[str]:
    """Every key of the server, with its value as text."""
    time.sleep(0.3)  # values are stored behind the answers
    with Redis.from_url(url) as client:
        return [f"{key.decode('latin-1')} {client.get(key).decode('latin-1')}" for key in client.scan_iter()]


@pytest.mark.parametrize("anonymous", ["read", "read+write"])
def test_no_open_house(anonymous: str) -> None:
    """`serve` beyond loopback, without keys or tokens, to callers without credentials, does not start."""
    done = _serve_beyond_loopback(GATEWAY_AUTH__ANONYMOUS=anonymous)

    assert done.returncode == 2
    assert "GATEWAY_AUTH__ANONYMOUS" in done.stderr
    assert "--insecure" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--insecure"], {"GATEWAY_AUTH__ANONYMOUS": "read"}),
        ([], {"GATEWAY_AUTH__ANONYMOUS": "read", "GATEWAY_AUTH__API_KEYS": "ci:" + "0" * 64}),
        ([], {}),
    ],
)
def test_houses_that_may_open(arguments: list[str], environment: dict[str, str]) -> None:
    """Told to, with keys, or with nobody let in without them, it goes on, and fails only at an address nobody has."""
    done = _serve_beyond_loopback(*arguments, **environment)

    assert done.returncode == 1
    assert "192.0.2.1" in done.stderr


def _serve_beyond_loopback(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "gateway", "serve", *arguments],
        # An address kept for documentation: no machine can listen there.
        env={"PATH": os.environ["PATH"], "GATEWAY_HOST": "192.0.2.1", "GATEWAY_PORT": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
