"""What is told of operations that were never begun."""

from gateway.operation_log import OperationLog
from tests.fakes import FakeClock


class Lines:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, object]]] = []

    def write(self, line: dict[str, object], event: str, level: str, logger: str, seconds: float) -> None:
        self.written.append((event, line))


def test_shed_requests_share_a_line_a_second() -> None:
    """The first shed request is told of at once, the next thousand in one line a second later."""
    clock, lines = FakeClock(), Lines()
    clock.seconds = 100.0
    log = OperationLog(1000, lines, clock)
    for _ in range(1000):
        log.shed()
    clock.seconds += 1.0
    log.shed()

    assert lines.written == [("overloaded", {"shed": 1}), ("overloaded", {"shed": 1000})]
