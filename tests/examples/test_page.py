"""The page, built in a clean folder and opened in a real browser beside a demo."""

import functools
import http.server
import threading
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect, sync_playwright

from gateway.sandbox.scale.seed import DEMO_PENDING, DEMO_STARTED
from tests.browser.browser import chromium, new_page
from tests.browser.graphiql import Traffic
from tests.examples.conftest import copied, run
from tests.processes.running import Running

pytestmark = [pytest.mark.chromium, pytest.mark.node, pytest.mark.timeout(600)]

CANCEL = "mutation ($id: ID!) { cancelTask(input: {task: {scaleTaskId: $id}}) { task { status } errors { code } } }"
PATIENCE_MS = 30_000


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def address(page_port: int, demo: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address, told of the demo's; built from its lock, served as plain files."""
    folder = copied("page", tmp_path_factory.mktemp("page"))
    run("npm", "ci", "--ignore-scripts", "--silent", folder=folder)
    run("npm", "run", "build", "--silent", folder=folder)
    handler = functools.partial(_Quiet, directory=str(folder / "dist"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", page_port), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{page_port}/?gateway={demo.origin}/graphql"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that was nowhere before."""
    page = new_page(browser)
    page.set_default_timeout(PATIENCE_MS)
    yield page
    page.context.close()


def _row(page: Page, task_id: str) -> Locator:
    return page.get_by_role("row").filter(has_text=task_id)


def _asked(traffic: Traffic, demo: Running) -> int:
    """How often the page asked the gateway over HTTP, preflights left out: they are kept for hours."""
    return traffic.urls.count(f"{demo.origin}/graphql")


def test_a_change_reaches_the_list_through_the_cache(address: str, demo: Running, page: Page) -> None:
    """Once the subscription stands polling ends, and what it brings redraws the list's row without asking again."""
    traffic = Traffic()
    traffic.watch(page)
    page.goto(address)
    expect(page.get_by_role("status")).to_have_text("live", timeout=PATIENCE_MS)
    expect(page.get_by_role("row")).to_have_count(32)
    expect(_row(page, DEMO_PENDING)).to_contain_text("PENDING")
    page.wait_for_timeout(2_500)  # whatever was still polling at that moment has asked by now
    asked = _asked(traffic, demo)

    changed = httpx.post(f"{demo.origin}/graphql", json={"query": CANCEL, "variables": {"id": DEMO_PENDING}}).json()
    expect(_row(page, DEMO_PENDING)).to_contain_text("CANCELED", timeout=PATIENCE_MS)
    page.wait_for_timeout(2_500)  # longer than the page polls

    assert changed["data"]["cancelTask"]["errors"] == []
    assert _asked(traffic, demo) == asked
    assert f"{demo.origin.replace('http', 'ws')}/graphql" in traffic.urls
    assert [url for url in traffic.foreign(demo.origin) if not url.startswith(address.partition("?")[0])] == []
    assert traffic.complaints == []


def test_a_refused_mutation_says_why(address: str, page: Page) -> None:
    """A typed error in the payload stands beside the button that was pressed."""
    page.goto(address)

    _row(page, DEMO_STARTED).get_by_role("button", name="Cancel").click()

    expect(_row(page, DEMO_STARTED)).to_contain_text("refuses this for the task as it stands", timeout=PATIENCE_MS)


def test_polls_while_there_is_no_socket(address: str, demo: Running, page: Page) -> None:
    """Without a socket the list is asked for again and again, and is current all the same."""
    traffic = Traffic()
    traffic.watch(page)

    def close(socket: WebSocketRoute) -> None:
        socket.close()

    page.route_web_socket("**/graphql", close)
    page.goto(address)
    expect(page.get_by_role("row")).to_have_count(32, timeout=PATIENCE_MS)
    before = _asked(traffic, demo)
    page.wait_for_timeout(5_000)  # more than twice as long as the page polls

    assert page.get_by_role("status").inner_text() == "polling"
    assert _asked(traffic, demo) >= before + 2
