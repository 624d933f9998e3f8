"""The gateway as a process: how it stops, how its workers share, what it writes."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client import Metric
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from benchmarks.running.processes import free_port, launch
from tests.gateway.test_metrics import by_name, value
from tests.processes.running import Running, gateway, sandbox
from tests.redis_server import redis_server
from tests.waiting import wait_until

# Processes start slowly where many others run.
pytestmark = pytest.mark.timeout(400)

TASK = {"query": 'query Dashboard { task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { status } }'}
WATCH = {"query": 'subscription { taskChanged(by: [{scaleTaskId: "5ca1ab1e0000000000000002"}]) { __typename } }'}
PATIENCE_S = 120.0
_PROTOCOLS = [Subprotocol("graphql-transport-ws")]
_HALF_A_REQUEST = b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
PLANTED = "Bearer planted-secret-token-1"


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    with sandbox(tmp_path_factory.mktemp("sandbox")) as environment:
        yield environment


def lines(running: Running) -> list[dict[str, object]]:
    return [json.loads(line) for line in running.log.splitlines() if line.startswith("{")]


def test_sigterm_drains(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """Unready first while it still answers; the exit code is 0."""
    with gateway(tmp_path, vendors, GATEWAY_DRAIN_S="8") as served, httpx.Client(trust_env=False) as client:
        client.post(f"{served.origin}/graphql", json=TASK)
        served.signal()
        wait_until(lambda: client.get(f"{served.origin}/readyz").status_code != 200, "still ready")
        answer = client.post(f"{served.origin}/graphql", json=TASK)
        code = served.ended()

    assert answer.json()["data"]["task"]["status"] == "COMPLETED"
    assert answer.headers["connection"] == "close"
    assert code == 0


def test_a_second_signal_stops_at_once(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """Whoever asks twice does not wait for the drain; the exit code says that it was cut short, no line an error."""
    with gateway(tmp_path, vendors, GATEWAY_DRAIN_S="60") as served, httpx.Client(trust_env=False) as client:
        served.signal()
        wait_until(lambda: client.get(f"{served.origin}/readyz").status_code != 200, "still ready")
        served.signal()
        code = served.ended(within_s=15)

    assert code == 1
    assert [line["event"] for line in lines(served)][-2:] == ["draining", "stopped"]
    assert {line["level"] for line in lines(served)} == {"info"}


def test_one_line_an_operation(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """Name, outcome, cost and calls of each operation, under the caller's request id; a slow one with its document."""
    headers = {"x-request-id": "mine-1", "cookie": PLANTED}
    with gateway(tmp_path, vendors, GATEWAY_SLOW_OPERATION_MS="0", GATEWAY_LOG_FORMAT="json") as served:
        httpx.post(f"{served.origin}/graphql", json=TASK, headers=headers, trust_env=False)
        httpx.post(f"{served.origin}/graphql", json={"query": "{ nope }"}, trust_env=False)
        httpx.post(f"{served.origin}/graphql", json=TASK, headers={"authorization": PLANTED}, trust_env=False)
        served.signal(signal.SIGINT)
        served.ended()
        written = [line for line in lines(served) if line["logger"] == "gateway.operations"]

    ran, refused, stranger = written
    assert (ran["event"], ran["level"], ran["request_id"]) == ("slow operation", "warning", "mine-1")
    assert (ran["operation"], ran["type"], ran["outcome"], ran["calls"]) == ("Dashboard", "query", "ok", 1)
    assert ran["document"] == 'query Dashboard{task(by:{scaleTaskId:"…"}){status}}'
    assert (refused["outcome"], refused["codes"]) == ("refused", ["GRAPHQL_VALIDATION_FAILED"])
    assert stranger["codes"] == ["UNAUTHENTICATED"]
    assert "planted-secret" not in served.log
    assert vendors["GATEWAY_SCALE__API_KEY"] not in served.log
    assert "5ca1ab1e" not in served.log


def test_the_log_is_the_gateways_own(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """It says where it listens and how it stops; nobody else writes, as of a WebSocket's address with its query."""
    with gateway(tmp_path, vendors, GATEWAY_LOG_FORMAT="json") as served:
        url = f"ws://127.0.0.1:{served.port}/graphql?token=planted-secret"
        with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None):
            pass
        served.signal()
        served.ended()
    written = {str(line["event"]): line for line in lines(served)}

    assert list(written) == ["ready", "listening", "draining", "stopped"]
    assert (written["listening"]["host"], written["listening"]["port"]) == ("127.0.0.1", served.port)
    assert "planted-secret" not in served.log


def test_metrics_on_a_port_of_their_own(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """With a port set, metrics are there and nowhere else."""
    port = free_port()
    with gateway(tmp_path, vendors, GATEWAY_METRICS__PORT=str(port)) as served:
        beside = httpx.get(f"{served.origin}/metrics", trust_env=False)
        alone = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)

    assert beside.status_code == 404
    assert "gateway_build_info" in alone.text


def test_workers_need_redis(tmp_path: Path) -> None:
    """Two workers without a Redis are refused with the setting's name."""
    with (
        pytest.raises(AssertionError, match="GATEWAY_WORKERS=2 needs a Redis"),
        gateway(tmp_path, {}, GATEWAY_WORKERS="2"),
    ):
        pass


@pytest.mark.redis
def test_workers_share_port_limits_and_metrics(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """Two workers answer on one port; any of them serves the sum; the caller's rate counts in both."""
    with (
        redis_server(tmp_path) as redis,
        gateway(
            tmp_path, vendors, GATEWAY_WORKERS="2", GATEWAY_CACHE__URL=redis.url, GATEWAY_RATE_LIMIT="60/minute"
        ) as served,
    ):
        statuses = []
        for _ in range(80):
            statuses.append(httpx.post(f"{served.origin}/graphql", json=TASK, trust_env=False).status_code)
            # A slow moment of Redis, for which a worker counts nobody for a second, is few requests long.
            time.sleep(0.05)
        # Each worker tells the others of its numbers now and then.
        wait_until(lambda: _ran(served) == statuses.count(200), "operations are missing", PATIENCE_S)
        metrics = _metrics(served)
        served.signal()
        code = served.ended()
        ready = [line for line in lines(served) if line["event"] == "ready"]

    assert statuses.count(200) in range(55, 76)
    assert statuses.count(429) == 80 - statuses.count(200)
    assert value(metrics["gateway_refusals"], code="RATE_LIMITED") == statuses.count(429)
    assert len(ready) == 2
    assert len(metrics["gateway_process_resident_memory_bytes"].samples) == 2
    assert code == 0


@pytest.mark.redis
def test_workers_stop_listening_together(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """While one of two finishes what it began, new connections are refused at once; then it is told that time is up."""
    with (
        redis_server(tmp_path) as redis,
        gateway(tmp_path, vendors, GATEWAY_WORKERS="2", GATEWAY_CACHE__URL=redis.url, GATEWAY_DRAIN_S="4") as served,
        socket.create_connection(("127.0.0.1", served.port), timeout=30) as held,
    ):
        held.sendall(_HALF_A_REQUEST)
        _workers(served)
        served.signal()
        wait_until(lambda: served.log.count('"draining"') == 2, "not both have begun to leave", PATIENCE_S)
        time.sleep(0.3)  # the last of them closes its socket just after it said so
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", served.port), timeout=1).close()
        answer = held.recv(65536)
        code = served.ended()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert '"level": "error"' not in served.log
    assert code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_stop_while_workers_start(number: signal.Signals, vendors: Mapping[str, str], tmp_path: Path) -> None:
    """Nobody is cut off: the exit code is 0, and nothing is left in the directory for temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    more = {"GATEWAY_WORKERS": "2", "GATEWAY_CACHE__URL": "redis://127.0.0.1:1/0", "GATEWAY_PORT": str(free_port())}
    process = launch(tmp_path / "log", {**vendors, **more, "TMPDIR": str(temporary)}, "serve")
    running = Running(process, int(more["GATEWAY_PORT"]), tmp_path / "log")
    wait_until(lambda: len(_spawned(running)) == 2, "there are no workers", PATIENCE_S)
    running.signal(number)
    code = running.ended()

    assert code == 0, running.log
    assert list(temporary.iterdir()) == []


def test_a_terminal_that_goes_away(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """With standard error closed the gateway serves, and SIGHUP drains it as SIGTERM does."""
    port = free_port()
    environment = {**os.environ, **vendors, "GATEWAY_PORT": str(port), "GATEWAY_DRAIN_S": "2"}
    command = f"exec {sys.executable} -m gateway serve 2>&-"
    process = subprocess.Popen(["/bin/sh", "-c", command], env=environment)
    running = Running(process, port, tmp_path / "none")
    try:
        wait_until(lambda: process.poll() is not None or _status(running, "/readyz") == 200, "not ready", PATIENCE_S)
        running.signal(signal.SIGHUP)
        wait_until(lambda: _status(running, "/readyz") != 200, "still ready")
        code = running.ended()
    finally:
        process.kill()

    assert code == 0


def _status(running: Running, path: str) -> int | None:
    try:
        return httpx.get(f"{running.origin}{path}", trust_env=False).status_code
    except httpx.TransportError:
        return None


@pytest.mark.redis
def test_a_worker_that_dies_is_replaced(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """After a worker is killed the gateway goes on, and soon has as many as before; its listeners count no more."""
    with (
        redis_server(tmp_path) as redis,
        gateway(tmp_path, vendors, GATEWAY_WORKERS="2", GATEWAY_CACHE__URL=redis.url, GATEWAY_DRAIN_S="1") as served,
    ):
        workers = _workers(served)
        with connect(f"ws://127.0.0.1:{served.port}/graphql", subprotocols=_PROTOCOLS, proxy=None) as listener:
            listener.send('{"type": "connection_init"}')
            listener.recv(timeout=30)
            listener.send(json.dumps({"type": "subscribe", "id": "a", "payload": WATCH}))
            wait_until(lambda: _subscriptions(served) == 1, "nobody listens", PATIENCE_S)
            for worker in workers:  # one of them has the listener
                os.kill(worker, signal.SIGKILL)
        wait_until(lambda: _count_ready(served) >= 4, "they are not replaced", PATIENCE_S)
        left = _subscriptions(served)
        answer = httpx.post(f"{served.origin}/graphql", json=TASK, trust_env=False)

    assert len(workers) == 2
    assert left == 0
    assert answer.status_code == 200


def _metrics(served: Running) -> dict[str, Metric]:
    return by_name(httpx.get(f"{served.origin}/metrics", trust_env=False).text)


def _ran(served: Running) -> float:
    """How many operations went well, as told by all workers."""
    return value(_metrics(served)["gateway_operations"], outcome="ok")


def _subscriptions(served: Running) -> float:
    return value(_metrics(served)["gateway_subscriptions"], "")


def _count_ready(served: Running) -> int:
    return len([line for line in lines(served) if line["event"] == "ready"])


def _workers(served: Running) -> list[int]:
    """The supervisor's children that are gateways, once both are ready."""
    wait_until(lambda: _count_ready(served) >= 2, "not both are ready", PATIENCE_S)
    return _spawned(served)


def _spawned(served: Running) -> list[int]:
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    return [pid for pid in map(int, children) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_keys_are_reread_without_a_dropped_request(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """A file of API keys that changes counts within seconds, while requests go on unharmed."""
    keys = tmp_path / "keys"
    keys.write_text(_key("old"))
    environment = {**vendors, "GATEWAY_AUTH__ANONYMOUS": "none", "GATEWAY_AUTH__API_KEYS_FILE": str(keys)}
    statuses: list[int] = []
    is_over = threading.Event()
    with gateway(tmp_path, environment) as served, httpx.Client(trust_env=False) as client:

        def ask(key: str) -> int:
            headers = {"authorization": f"Bearer {key}"}
            return client.post(f"{served.origin}/graphql", json=TASK, headers=headers).status_code

        def keep_asking() -> None:
            while not is_over.is_set():
                statuses.append(ask("old"))

        thread = threading.Thread(target=keep_asking)
        thread.start()
        keys.write_text(_key("old") + _key("new"))
        wait_until(lambda: ask("new") == 200, "the new key does not count", PATIENCE_S)
        is_over.set()
        thread.join()

    assert len(statuses) > 3
    assert set(statuses) == {200}


def test_documents_are_reread_without_a_dropped_request(vendors: Mapping[str, str], tmp_path: Path) -> None:
    """A changed manifest counts within seconds, a half-written one never, while four clients go on unharmed."""
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"old": TASK["query"]}))
    answers: list[dict[str, object]] = []
    is_over = threading.Event()
    with gateway(tmp_path, vendors, GATEWAY_TRUSTED_DOCUMENTS=str(manifest)) as served:

        def ask(client: httpx.Client, document_id: str) -> dict[str, object]:
            answer: dict[str, object] = client.post(f"{served.origin}/graphql", json={"documentId": document_id}).json()
            return answer

        def keep_asking() -> None:
            with httpx.Client(trust_env=False) as client:
                while not is_over.is_set():
                    answers.append(ask(client, "old"))

        threads = [threading.Thread(target=keep_asking) for _ in range(4)]
        for thread in threads:
            thread.start()
        manifest.write_text('{"old": "query Dash')
        wait_until(lambda: '"file not reread"' in served.log, "it was not read", PATIENCE_S)
        manifest.write_text(json.dumps({"old": TASK["query"], "new": "{ __typename }"}))
        with httpx.Client(trust_env=False) as client:
            told = {"data": {"__typename": "Query"}}
            wait_until(lambda: ask(client, "new") == told, "the new document does not count", PATIENCE_S)
            unknown = client.post(f"{served.origin}/graphql", json={"query": "{ backends { name } }"})
        is_over.set()
        for thread in threads:
            thread.join()

    assert len(answers) > 10
    assert all(answer == {"data": {"task": {"status": "COMPLETED"}}} for answer in answers)
    assert unknown.status_code == 403


def _key(secret: str) -> str:
    return f"{secret}:{hashlib.sha256(secret.encode()).hexdigest()}:read\n"
