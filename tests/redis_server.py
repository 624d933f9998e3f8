"""A real redis-server on loopback, to be killed, paused and started again."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "p@ss/wörd"
USER = "gateway:1"


class RedisServer:
    """One server with a user that needs a password and may not list, flush or configure anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.socket_path = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """With user name and password, percent-encoded."""
        return f"redis://gateway%3A1:p%40ss%2Fw%C3%B6rd@127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://gateway%3A1:p%40ss%2Fw%C3%B6rd@{self.socket_path}?db=0"

    def start(self) -> None:
        """Returns when it answers."""
        acl = self._folder / "users.acl"
        rules = "~task-gateway:* &task-gateway:* +@all -keys -flushdb -flushall -config -@dangerous"
        acl.write_text(f"user default off\nuser {USER} on >{PASSWORD} {rules}\n")
        network = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket_path)]
        files = ["--aclfile", str(acl), "--dir", str(self._folder), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(["redis-server", *network, *files], stdout=subprocess.DEVNULL)
        ends_at = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                assert time.monotonic() < ends_at, "redis-server does not come up"
                time.sleep(0.02)  # another process gives no other sign

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self.resume()
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A server that runs, and is gone afterwards."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
