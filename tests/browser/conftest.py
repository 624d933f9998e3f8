"""A browser that can reach nothing but this machine, and what it looks at."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox, create_demo_app
from gateway.sandbox.clock import SandboxClock
from gateway.settings import Settings
from tests.browser.graphiql import Traffic
from tests.browser.server import serving

_FLAGS = [
    "--no-sandbox",  # CI runs as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Every name but ours is unknown, and no address but loopback is let through.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the machine has it."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that was nowhere before."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def traffic(page: Page) -> Traffic:
    """What `page` asks for and complains of, from now on."""
    traffic = Traffic()
    traffic.watch(page)
    return traffic


@pytest.fixture(scope="session")
def demo() -> Iterator[str]:
    """The origin of a running demo."""
    app = create_demo_app(Settings.from_env(DEMO_ENVIRONMENT), DemoSandbox(SandboxClock()))
    with serving(app) as origin:
        yield origin
