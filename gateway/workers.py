"""Workers: several processes behind one listening socket, watched over by one that serves nothing itself.

Each worker is a whole gateway. They share Redis, and metrics through files in a temporary directory.
"""

import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

import structlog

from gateway.app import create_app
from gateway.memory import settle_memory
from gateway.metrics import Metrics, forget_worker, serve_metrics, shared_registry
from gateway.server import DrainingServer, server_config
from gateway.settings import Settings
from gateway.telemetry import JsonLines, set_up_logging

_log = structlog.get_logger(__name__)

# prometheus_client reads it while it is imported: a worker must find it in its environment.
_DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_SHORT_LIFE_S = 5.0
_MOST_SHORT_LIVES = 5
_LOOK_EVERY_S = 0.2
_BACKLOG = 2048


def run_server(settings: Settings) -> int:
    """Serves in this process until a signal; the exit code: 1 when it cannot start, or is stopped at once, else 0."""
    metrics = Metrics()
    lines = set_up_logging(settings.log_level, settings.log_format, settings.secrets())
    app = create_app(settings, metrics=metrics, lines=lines)
    if settings.metrics.port is not None:
        serve_metrics(settings.host, settings.metrics.port, metrics.registry)
    server = DrainingServer(server_config(app, settings.host, settings.port, settings), app, settings.drain_s)
    return _serve(server, lines)


def _serve(server: DrainingServer, lines: JsonLines | None, sockets: list[socket.socket] | None = None) -> int:
    settle_memory()
    try:
        return server.run_to_the_end(sockets)
    finally:
        if lines is not None:
            # A worker process ends without what is registered for an exit.
            lines.flush()


def run_workers(settings: Settings, environment: Mapping[str, str]) -> int:
    """Serves in `settings.workers` processes until a signal. `environment` is what `settings` were read from."""
    with (
        tempfile.TemporaryDirectory(prefix="task-gateway-") as directory,
        listening_socket(settings.host, settings.port) as listener,
    ):
        os.environ[_DIRECTORY_VARIABLE] = directory
        if settings.metrics.port is not None:
            serve_metrics(settings.host, settings.metrics.port, shared_registry(Path(directory)))
        # Else Python walks all that is imported once more before this process ends, for a second or two.
        settle_memory()
        return _Supervisor(settings.workers, environment, listener, Path(directory)).run()


class _Supervisor:
    """Starts the workers, replaces one that dies, and passes signals on."""

    def __init__(self, workers: int, environment: Mapping[str, str], listener: socket.socket, directory: Path) -> None:
        self._environment = dict(environment)
        self._listener = listener
        self._directory = directory
        self._born_at: dict[SpawnProcess, float] = {}
        self._short_lives = 0
        self._signals: list[int] = []
        self._passed_on: set[int] = set()
        self._wanted = workers

    def run(self) -> int:
        before = {number: signal.signal(number, self._noted) for number in _stops()}
        try:
            for _ in range(self._wanted):
                self._start()
            return self._watch()
        finally:
            for process in self._born_at:
                process.kill()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _noted(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)

    def _watch(self) -> int:
        is_stopping, exit_code = False, 0
        while self._born_at:
            connection.wait([process.sentinel for process in self._born_at], timeout=_LOOK_EVERY_S)
            while self._signals:
                is_stopping = True
                self._pass_on(self._signals.pop(0))
            for process in [process for process in self._born_at if not process.is_alive()]:
                code = self._bury(process)
                if is_stopping:
                    exit_code = exit_code or int(not self._went_well(code))
                elif not self._replace(code):
                    self._pass_on(signal.SIGTERM)
                    is_stopping, exit_code = True, 1
        return exit_code

    def _start(self) -> None:
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(self._environment, self._listener, self._directory)
        )
        process.start()
        self._born_at[process] = time.monotonic()

    def _bury(self, process: SpawnProcess) -> int:
        if process.pid is not None:
            forget_worker(self._directory, process.pid)
        lived_s = time.monotonic() - self._born_at.pop(process)
        self._short_lives = self._short_lives + 1 if lived_s < _SHORT_LIFE_S else 0
        return process.exitcode or 0

    def _replace(self, code: int) -> bool:
        """Whether there is a new worker; there is none when they die as fast as they are started."""
        if self._short_lives >= _MOST_SHORT_LIVES:
            _log.error("workers end as soon as they are started", exit_code=code)
            return False
        _log.error("a worker ended and is replaced", exit_code=code)
        self._start()
        return True

    def _went_well(self, code: int) -> bool:
        """Whether a worker that was to end cut nobody off: one that a signal can kill served nobody yet."""
        return code == 0 or -code in self._passed_on

    def _pass_on(self, number: int) -> None:
        # Each worker takes connections until it closes its own duplicate. With this one open, those that come later
        # would be taken by nobody and hang.
        self._listener.close()
        self._passed_on.add(number)
        for process in self._born_at:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, number)


def _work(environment: Mapping[str, str], listener: socket.socket, directory: Path) -> None:
    """One worker, in a process of its own."""
    # Out of the terminal's group: Ctrl-C reaches it once, from the supervisor, and not twice.
    os.setsid()
    # Until it serves it ends without a word, as it does for SIGTERM: there is nothing to be finished.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    settings = Settings.from_env(environment)
    lines = set_up_logging(settings.log_level, settings.log_format, settings.secrets())
    app = create_app(settings, metrics=Metrics(directory), lines=lines)
    config = server_config(app, settings.host, settings.port, settings)
    server = DrainingServer(config, app, settings.drain_s, shares_listener=True)
    sys.exit(_serve(server, lines, [listener]))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _stops() -> list[int]:
    """The signals that mean to stop: SIGHUP not where it is ignored, as under nohup."""
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([] if is_ignored else [signal.SIGHUP])]


def listening_socket(host: str, port: int) -> socket.socket:
    """Where all workers listen; on `::` for IPv4 too, as one process by itself does. Raises OSError."""
    is_ipv6 = ":" in host
    return socket.create_server(
        (host, port),
        backlog=_BACKLOG,
        family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
        dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),
    )
