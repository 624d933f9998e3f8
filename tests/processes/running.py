"""The gateway and the sandbox as processes of their own, on free loopback ports, ended by their ids."""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.running.processes import free_port, launch
from gateway.demo import ROSETTA_ACCESS_KEY, ROSETTA_SECRET_KEY, SCALE_KEY
from tests.execution import ENVIRONMENT

_STARTS_WITHIN_S = 180.0
_ENDS_WITHIN_S = 40.0


@dataclass
class Running:
    """A started process, where it listens, and where its log goes."""

    process: subprocess.Popen[bytes]
    port: int
    log_path: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything written so far."""
        return self.log_path.read_text()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self, within_s: float = _ENDS_WITHIN_S) -> int:
        """The exit code, once it ends."""
        return self.process.wait(within_s)


@contextmanager
def started(log_path: Path, port: int, ready_url: str, *arguments: str, **environment: str) -> Iterator[Running]:
    """`python -m gateway` with these arguments, answering at `ready_url`; killed at the end if it is still there."""
    process = launch(log_path, {**ENVIRONMENT, **environment}, *arguments)
    running = Running(process, port, log_path)
    try:
        _wait_until_ready(running, ready_url)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def sandbox(directory: Path) -> Iterator[Mapping[str, str]]:
    """Both emulators as one process; gives the settings that point a gateway at them."""
    scale, rosetta = free_port(), free_port()
    ports = ("--scale-port", str(scale), "--rosetta-port", str(rosetta))
    ready = f"http://127.0.0.1:{scale}/v1/projects"
    with started(directory / f"sandbox-{scale}.log", scale, ready, "sandbox", *ports):
        yield {
            "GATEWAY_SCALE__API_KEY": SCALE_KEY,
            "GATEWAY_SCALE__BASE_URL": f"http://127.0.0.1:{scale}/v1",
            "GATEWAY_ROSETTA__BASE_URL": f"http://127.0.0.1:{rosetta}/rosetta-open",
            "GATEWAY_ROSETTA__ACCESS_KEY": ROSETTA_ACCESS_KEY,
            "GATEWAY_ROSETTA__SECRET_KEY": ROSETTA_SECRET_KEY,
            "GATEWAY_AUTH__ANONYMOUS": "read+write",
        }


@contextmanager
def gateway(
    directory: Path, environment: Mapping[str, str], *, port: int | None = None, **more: str
) -> Iterator[Running]:
    """`task-gateway serve`, ready."""
    port = port or free_port()
    settings = {**environment, **more, "GATEWAY_PORT": str(port)}
    with started(
        directory / f"gateway-{port}.log", port, f"http://127.0.0.1:{port}/readyz", "serve", **settings
    ) as running:
        yield running


def _wait_until_ready(running: Running, url: str) -> None:
    ends_at = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < ends_at:
        assert running.process.poll() is None, f"it ended while starting:\n{running.log}"
        try:
            # An emulator answers 401 without credentials, and that is an answer.
            if httpx.get(url, trust_env=False).status_code < 500:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not ready within {_STARTS_WITHIN_S} s:\n{running.log}")
