"""What is told of operations that were never begun."""

import asyncio

import pytest

from gateway.operation_log import OperationLog

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]


class Lines:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, object]]] = []

    def write(self, line: dict[str, object], event: str, level: str, logger: str, seconds: float) -> None:
        self.written.append((event, line))


def log_to(lines: Lines) -> OperationLog:
    return OperationLog(1000, lines, asyncio.get_running_loop().time)


async def test_shed_requests_share_a_line_a_second() -> None:
    """The first shed request is told of at once, the rest of the burst in one line a second later, though no other
    comes; then the next is told of at once again."""
    lines = Lines()
    log = log_to(lines)
    for _ in range(1001):
        log.shed()
    await asyncio.sleep(0.9)
    before = len(lines.written)
    await asyncio.sleep(2)
    log.shed()

    assert before == 1
    assert lines.written == [("overloaded", {"shed": number}) for number in (1, 1000, 1)]


async def test_what_was_shed_last_is_told_at_the_end() -> None:
    """A gateway that ends within the second tells how many it shed, once."""
    lines = Lines()
    log = log_to(lines)
    for _ in range(5):
        log.shed()
    log.close()
    log.close()
    await asyncio.sleep(2)

    assert lines.written == [("overloaded", {"shed": 1}), ("overloaded", {"shed": 4})]
