"""What changed in the schema since its last release, listed at the end of every run."""

import pytest

from tests.schema.evolution import CURRENT, RELEASED, dangerous_changes


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lists what no test refuses, and a client may still stumble over."""
    changes = dangerous_changes(RELEASED.read_text(), CURRENT.read_text())
    if changes:
        terminalreporter.section("schema: dangerous changes since the last release")
        for change in changes:
            terminalreporter.write_line(change)
