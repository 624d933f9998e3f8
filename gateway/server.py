"""The server: uvicorn, and how it stops without dropping anything."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp

from gateway.endpoints.gateway import Gateway
from gateway.listener import Listener
from gateway.settings import Settings
from gateway.stalled_clients import HttpProtocol, ServerConfig

_log = structlog.get_logger(__name__)

# The share of the drain time in which everything is still served while /readyz says 503: who sends requests here
# needs to notice first.
_NOTICE_SHARE = 0.25
_LOOK_EVERY_S = 0.05
# So long connections that nobody needs any more take to close, at the most, and those cut off to be told.
_LOOKS_AROUND_S = 0.2
# A proxy that keeps connections for a minute, as most do, must not find them closed when it sends.
_KEEP_ALIVE_S = 75


def server_config(app: ASGIApp, host: str, port: int, settings: Settings) -> ServerConfig:
    """How uvicorn runs the gateway, here and in tests."""
    return ServerConfig(
        app,
        host=host,
        port=port,
        root_path=settings.root_path,
        log_config=None,
        access_log=False,
        ws_max_size=settings.limits.body_bytes,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        # What a client says about itself in X-Forwarded-For counts only from proxies that are named.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


class DrainingServer(uvicorn.Server):
    """Stops in three steps within `drain_s`: not ready but serving, listeners told, operations in flight finished.

    SIGTERM or SIGHUP starts it; SIGINT, which comes from a person, leaves the first step out. A second signal stops at
    once. What is not finished by then is cut off: told 503, where nothing of its answer was sent.
    """

    def __init__(self, config: uvicorn.Config, app: Gateway, drain_s: float, *, shares_listener: bool = False) -> None:
        super().__init__(config)
        self._shares_listener = shares_listener
        self._drain = app.drain
        app.load.server_tasks = self.server_state.tasks
        self._drain_s = drain_s
        self._notice_until = 0.0
        self._ends_at = 0.0

    def run_to_the_end(self, sockets: list[socket.socket] | None = None) -> int:
        """Serves until a signal; the process's exit code: 0 when it has served, and was not stopped at once.

        What is cut off because the drain's time is over changes nothing about it.
        """
        try:
            self.run(sockets)
        except SystemExit:  # uvicorn's own way to say that it could not start, with a code of its own
            return 1
        return 0 if self.started and not self.force_exit else 1

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        bound = [self.bound()] if sockets is None else sockets
        await super().startup([])
        for sock in bound:
            listener = Listener(sock, self._protocol, self.config.backlog, is_shared=self._shares_listener)
            listener.start()
            # uvicorn closes its servers, and waits for them: a Listener can be both.
            self.servers.append(listener)  # type: ignore[arg-type]
            host, port = sock.getsockname()[:2]
            _log.info("listening", host=host, port=port)

    def bound(self) -> socket.socket:
        """A socket where the settings say, for `run_to_the_end`. Raises SystemExit 1, once it is logged why not."""
        try:
            return self.config.bind_socket()
        except SystemExit:  # uvicorn has logged why, and not where
            _log.error("cannot listen", host=self.config.host, port=self.config.port)
            raise SystemExit(1) from None

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """SIGHUP too, unless it is ignored, as under nohup."""
        with super().capture_signals():
            is_main = threading.current_thread() is threading.main_thread()
            if not is_main or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
                yield
                return
            before = signal.signal(signal.SIGHUP, self.handle_exit)
            try:
                yield
            finally:
                signal.signal(signal.SIGHUP, before)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Unlike uvicorn's, does not let the signal end the process afterwards: the exit code says how it went."""
        if self._drain.is_draining:
            self.should_exit = self.force_exit = True
            return
        began_at = time.monotonic()
        self._ends_at = began_at + self._drain_s
        notice_s = 0.0 if sig == signal.SIGINT else self._drain_s * _NOTICE_SHARE
        self._notice_until = began_at + notice_s
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        if await super().on_tick(counter):
            return True
        return self._drain.is_draining and time.monotonic() >= self._notice_until

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Instead of uvicorn's, which reports what it cuts off as failures, and a stop at once as one of the app."""
        if not self._drain.is_draining:  # whoever embeds the server asked it to exit
            self._ends_at = time.monotonic() + self._drain_s
        state = self.server_state
        _log.info("draining", seconds_left=round(self._left_s(), 1), connections=len(state.connections))
        for server in self.servers:
            server.close()
        self._drain.leave()
        await self._wait_while(lambda: self._drain.listeners > 0)
        for connection in list(state.connections):
            connection.shutdown()
        for server in self.servers:
            # Not earlier: who was only just taken has yet to say something, and is not closed like one that is idle.
            await server.wait_closed()
        self._ends_at = max(self._ends_at, time.monotonic() + _LOOKS_AROUND_S)
        await self._wait_while(lambda: bool(state.connections or state.tasks))
        await self._cut_off()
        await self.lifespan.shutdown()
        _log.info("stopped", was_forced=self.force_exit)

    async def _cut_off(self) -> None:
        """Ends what is still under way."""
        tasks = self.server_state.tasks
        if not tasks:
            return
        _log.warning("cut off: the time to finish is over", requests=len(tasks))
        self._drain.end()
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpProtocol):
                connection.cut_off()
        await asyncio.sleep(_LOOK_EVERY_S)  # whoever was answered in part ends by itself
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(set(tasks), timeout=_LOOKS_AROUND_S)

    async def _wait_while(self, condition: Callable[[], bool]) -> None:
        # ASYNC110: a signal handler, which ends the waiting, may touch nothing that belongs to the event loop.
        while condition() and not self.force_exit and self._left_s() > 0:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY_S)

    def _left_s(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())
