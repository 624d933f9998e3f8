"""The demo as a server for a browser."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.demo import DEMO_ENVIRONMENT, DemoSandbox, create_demo_app
from gateway.sandbox.clock import SandboxClock
from gateway.settings import Settings
from tests.browser.server import serving


@contextmanager
def serving_demo(prefix: str = "") -> Iterator[str]:
    """Serves a fresh demo and gives the address of its root; under `prefix`, as behind a proxy, where one is given."""
    app: Starlette = create_demo_app(Settings.from_env(DEMO_ENVIRONMENT), DemoSandbox(SandboxClock()))
    if prefix:
        app = Starlette(routes=[Mount(prefix, app)], lifespan=app.router.lifespan_context)
    with serving(app) as origin:
        yield origin + prefix
