"""Chromium as the machine has it, reaching nothing but this machine."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Playwright

_FLAGS = [
    "--no-sandbox",  # CI runs as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Every other name is unknown, and an address other than loopback is a name here too.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
_TIMEOUT_MS = 20_000


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A running browser; closed at the end."""
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
    try:
        yield browser
    finally:
        browser.close()


def new_page(browser: Browser) -> Page:
    """A page of a profile that was nowhere before."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_default_timeout(_TIMEOUT_MS)
    return context.new_page()
