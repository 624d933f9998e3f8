"""Planted secrets are found nowhere: answers, log, metrics, cache."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from gateway.demo import DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from tests.gateway.sandbox.served import served

SCALE_KEY = "live_planted-scale-key-0001"
ROSETTA_SECRET = "planted-rosetta-secret-0002"
CALLERS_KEY = "planted-callers-key-0003"
PLANTED = (SCALE_KEY, ROSETTA_SECRET, CALLERS_KEY, "bGl2ZV9wbGFudGVk")


@contextmanager
def _serve(**environment: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"],
        env={"PATH": os.environ["PATH"], "GATEWAY_PORT": str(port), **environment},
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
