"""Gateways, and a Redis, as processes of their own: started, measured, ended by their ids."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

_ROOT = Path(__file__).parents[2]
_STARTS_WITHIN_S = 180.0
_ENDS_WITHIN_S = 60.0


@dataclass
class Process:
    """One gateway."""

    popen: subprocess.Popen[bytes]
    port: int
    log_path: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def usage(self) -> tuple[float, int]:
        """Resident megabytes, and open descriptors."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return kilobytes / 1024, len(os.listdir(f"/proc/{self.popen.pid}/fd"))

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code, once it has ended."""
        self.popen.send_signal(number)
        return await asyncio.to_thread(self.popen.wait, _ENDS_WITHIN_S)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def launch(log_path: Path, environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """`python -m gateway` with these arguments, and of GATEWAY_ settings these alone; it writes to the log."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gateway", *arguments],
            cwd=_ROOT,
            env={**mine, **environment},
            stdout=log,
            stderr=log,
        )


def _log_folder() -> Path:
    """In memory where there is such a place: what is measured is the gateway, not the disk under its log."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else Path(tempfile.gettempdir())


async def start(environment: Mapping[str, str], port: int | None = None, **more: str) -> Process:
    """A gateway that is ready."""
    port = port or free_port()
    log_path = _log_folder() / f"gateway-{os.getpid()}-{port}.log"
    popen = launch(log_path, {**environment, **more, "GATEWAY_PORT": str(port)}, "serve")
    process = Process(popen, port, log_path)
    async with aiohttp.ClientSession() as session:
        async with asyncio.timeout(_STARTS_WITHIN_S):
            while not await is_ready(session, process.origin):
                if popen.poll() is not None:
                    raise RuntimeError(f"it ended while starting:\n{process.log}")
                await asyncio.sleep(0.1)
    return process


async def is_ready(session: aiohttp.ClientSession, origin: str) -> bool:
    try:
        async with session.get(f"{origin}/readyz", timeout=aiohttp.ClientTimeout(2)) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


@asynccontextmanager
async def gateway(environment: Mapping[str, str], **more: str) -> AsyncIterator[Process]:
    """A gateway, ended afterwards; its log is deleted when all went well."""
    async with gateways(1, {**environment, **more}) as (process,):
        yield process


@asynccontextmanager
async def gateways(count: int, environment: Mapping[str, str]) -> AsyncIterator[Sequence[Process]]:
    """That many, started side by side."""
    processes = await asyncio.gather(*(start(environment) for _ in range(count)))
    try:
        yield processes
    finally:
        await asyncio.gather(*(each.stop(signal.SIGINT) for each in processes if each.popen.poll() is None))
    for process in processes:
        process.log_path.unlink()


class Redis:
    """A redis-server without a disk, that can be killed and started again on its port, or frozen."""

    def __init__(self) -> None:
        self.port = free_port()
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("this needs the program redis-server")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._popen = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        async with asyncio.timeout(_STARTS_WITHIN_S):
            while not await _listens(self.port):
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            await asyncio.to_thread(self._popen.wait)
            self._popen = None

    async def freeze(self) -> None:
        """It takes connections and commands, and answers none."""
        self._send(signal.SIGSTOP)

    async def thaw(self) -> None:
        """It goes on, and executes what has come meanwhile."""
        self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        if self._popen is not None:
            self._popen.send_signal(number)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def redis() -> AsyncIterator[Redis]:
    server = Redis()
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
