"""`task-gateway demo` as a newcomer starts it: what it prints works."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.running.processes import free_port, launch
from tests.execution import ENVIRONMENT
from tests.gateway.live_world import subscriber
from tests.ipv6 import has_ipv6
from tests.processes.running import Running, started
from tests.waiting import wait_until

PREFIX = "/labelling/tasks"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A demo that was told of a path in front of it; a trailing slash is no fault."""
    port = free_port()
    log = tmp_path_factory.mktemp("demo") / "demo.log"
    ready = f"http://127.0.0.1:{port}/readyz"
    with started(log, port, ready, "demo", "--port", str(port), GATEWAY_ROOT_PATH=f"{PREFIX}/") as running:
        yield running


def _printed(demo: Running) -> tuple[str, list[str]]:
    """The address and the queries that stand on the terminal."""
    match = re.search(r"http://\S+", demo.log)
    assert match is not None
    return match[0], re.findall(r"(?m)^  (\{.*)$", demo.log)


def test_what_is_printed_works(demo: Running) -> None:
    """The printed address opens GraphiQL without a proxy, and each printed query is answered there."""
    url, queries = _printed(demo)
    page = httpx.get(url, headers=HTML)
    answers = [httpx.post(url, json={"query": query}).json() for query in queries]

    assert url == f"{demo.origin}{PREFIX}/graphql"
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(queries) == 3
    assert [answer.get("errors") for answer in answers] == [None] * 3


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_everything_answers_with_and_without_the_path(demo: Running, prefix: str) -> None:
    """A proxy that takes the path off and one that leaves it on find the page's files and the probes alike."""
    page = httpx.get(f"{demo.origin}{prefix}/graphql", headers=HTML).text
    names = re.findall(r'(?:src|href)="\./(graphiql/[^"]+)"', page)
    paths = ["/livez", "/schema.graphql", "/graphiql/tabs.json", *(f"/{name}" for name in names)]

    answers = {path: httpx.get(f"{demo.origin}{prefix}{path}").status_code for path in paths}

    assert names
    assert set(answers.values()) == {200}, answers


@pytest.mark.anyio
@pytest.mark.parametrize("prefix", ["", PREFIX])
async def test_sockets_too(demo: Running, prefix: str) -> None:
    """Subscriptions are served at both addresses."""
    async with subscriber(f"ws://127.0.0.1:{demo.port}{prefix}/graphql") as client:
        await client.watch({"scaleTaskId": "5ca1ab1e0000000000000002"})

        assert (await client.change())["task"]["status"] == "COMPLETED"


def test_the_path_twice_is_not_found(demo: Running) -> None:
    """Only one path in front is taken for it."""
    assert httpx.get(f"{demo.origin}{PREFIX}{PREFIX}/livez").status_code == 404


def test_any_port(tmp_path: Path) -> None:
    """Port 0 is one that is free, and the printed address has it; where a port is taken nothing is promised."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        log = tmp_path / "taken.log"
        code = launch(log, ENVIRONMENT, "demo", "--port", str(taken.getsockname()[1])).wait(60)
    process = launch(tmp_path / "any.log", ENVIRONMENT, "demo", "--port", "0")
    try:
        any_port = Running(process, 0, tmp_path / "any.log")
        wait_until(lambda: "listening" in any_port.log, "it does not listen", 60)
        answer = httpx.get(_printed(any_port)[0].replace("/graphql", "/livez"))
    finally:
        process.terminate()
        process.wait(30)

    assert code == 1
    assert "cannot listen" in log.read_text()
    assert "http://" not in log.read_text()
    assert answer.status_code == 200


def test_a_sandbox_on_any_port(tmp_path: Path) -> None:
    """Its lines have the ports that it has taken, and an IPv6 address in brackets, where the machine has one."""
    host, printed_host = ("::1", "[::1]") if has_ipv6("::1") else ("127.0.0.1", "127.0.0.1")
    ports = ("--scale-port", "0", "--rosetta-port", "0")
    process = launch(tmp_path / "log", ENVIRONMENT, "sandbox", "--host", host, *ports)
    try:
        running = Running(process, 0, tmp_path / "log")
        wait_until(lambda: "SECRET_KEY" in running.log, "it prints nothing", 60)
        printed = dict(line.split("=") for line in running.log.splitlines())
        key = printed["GATEWAY_SCALE__API_KEY"]
        answer = httpx.get(f"{printed['GATEWAY_SCALE__BASE_URL']}/projects", auth=(key, ""), trust_env=False)
    finally:
        process.terminate()
        process.wait(30)

    origin = re.escape(f"http://{printed_host}:")
    assert re.fullmatch(rf"{origin}[1-9]\d*/rosetta-open", printed["GATEWAY_ROSETTA__BASE_URL"])
    assert answer.status_code == 200
