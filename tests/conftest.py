"""What many tests stand on."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Tests of coroutines run on asyncio, the loop the gateway runs on."""
    return "asyncio"
