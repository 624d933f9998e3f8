"""What the tests of the Rosetta client stand on."""

import pytest

from tests.gateway.backends.rosetta.scripted import ScriptedRosetta


@pytest.fixture
def rosetta_api() -> ScriptedRosetta:
    """A Rosetta whose answers the test writes down, with a client of it."""
    return ScriptedRosetta()
