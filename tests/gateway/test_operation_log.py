"""What is told of operations that were never begun."""

import asyncio

import pytest

from gateway.operation_log import OperationLog
from tests.gateway.world import world

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


async def test_every_shed_request_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """When the gateway has ended right after a burst, its lines tell of as many as were answered 503."""
    async with world(GATEWAY_MAX_QUEUED="1") as gateway:
        body = {"query": '{ task(by: {scaleTaskId: "5ca1ab1e0000000000000002"}) { id } }'}
        answers = await asyncio.gather(*(gateway.client.post("/graphql", json=body) for _ in range(20)))
    shed = [answer for answer in answers if answer.status_code == 503]

    told = [record.__dict__["line"]["shed"] for record in caplog.records if record.message == "overloaded"]
    assert len(shed) > 1
    assert sum(told) == len(shed)
