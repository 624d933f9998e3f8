"""A browser, a page and a demo for it to look at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.browser import chromium, new_page
from tests.browser.demo import serving_demo
from tests.browser.graphiql import Traffic


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests, each with a profile of its own; gone after them, with the event loop it runs on."""
    # Two busy cores: the default of 5 s is no sign of a fault.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that was nowhere before."""
    page = new_page(browser)
    yield page
    page.context.close()


@pytest.fixture
def traffic(page: Page) -> Traffic:
    """What `page` asks for and complains of, from now on."""
    traffic = Traffic()
    traffic.watch(page)
    return traffic


@pytest.fixture(scope="package")
def demo() -> Iterator[str]:
    """The origin of a running demo."""
    with serving_demo() as origin:
        yield origin
