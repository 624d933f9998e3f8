"""An export writes every task once, outlives a failing backend, and can be stopped at any moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from gateway.export.exporter import Ending, Exporter
from gateway.export.rows import Format, lines
from schema.backend import Backend
from schema.connection import ListedPage, Wanted
from schema.errors import BackendFailure, ErrorCode
from schema.filter import TaskCriteria
from schema.task import Task
from tests.gateway.export.pages import WrittenList, failure, numbers, page, tasks

pytestmark = pytest.mark.anyio

DOWN = failure(ErrorCode.BACKEND_UNAVAILABLE, retryable=True)


@dataclass
class Run:
    """An export into memory; waits are noted, not waited for."""

    ending: Ending | None = None
    content: bytes = b""
    waits: list[float] = field(default_factory=list)
    failures: list[BackendFailure] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_behind: int | None = None

    def written(self, count: int, total: int | None) -> None:
        self.counts.append(count)
        if count == self.stop_behind:
            self.stop.set()

    def failed(self, failure: BackendFailure) -> None:
        self.failures.append(failure)


async def _run(written: WrittenList, after: str | None = None, stop_behind: int | None = None) -> Run:
    run = Run(stop_behind=stop_behind)

    async def sleep(seconds: float) -> None:
        run.waits.append(seconds)

    def write(page_tasks: Sequence[Task]) -> None:
        run.content += lines(Format.NDJSON, page_tasks)

    criteria = TaskCriteria(backends=frozenset(Backend))
    run.ending = await Exporter(written, criteria, write, run, run.stop, sleep).run(after)
    return run


async def test_a_whole_list() -> None:
    """Every page is written, and the ending says that nothing is missing."""
    run = await _run(WrittenList({None: [page(tasks(1, 2), "a")], "a": [page(tasks(3), "b", more=False)]}))

    assert numbers(run.content) == [1, 2, 3]
    assert run.ending == Ending(None, 3, is_finished=True, is_whole=True)
    assert run.counts == [2, 3]


async def test_stopped_and_gone_on_with() -> None:
    """An export that is stopped tells the cursor behind its last line; the next one begins there."""
    pages = {None: [page(tasks(1, 2), "a")], "a": [page(tasks(3), "b", more=False)]}

    first = await _run(WrittenList(pages), stop_behind=2)
    assert first.ending == Ending("a", 2)
    second = await _run(WrittenList(pages), after=first.ending.cursor)

    assert numbers(first.content + second.content) == [1, 2, 3]


async def test_stopped_while_a_page_is_read() -> None:
    """A page that does not come is not waited for."""

    class Stuck(WrittenList):
        async def page(self, criteria: TaskCriteria, *, first: int, after: str | None, wanted: Wanted) -> ListedPage:
            run.stop.set()
            await asyncio.Event().wait()
            raise AssertionError

    run = Run()
    exporter = Exporter(Stuck({}), TaskCriteria(backends=frozenset(Backend)), lambda _: None, run, run.stop)

    assert await exporter.run("a") == Ending("a", 0)


async def test_a_failing_backend_is_asked_again() -> None:
    """A page that failed is asked for again behind what it brought, after longer and longer waits."""
    written = WrittenList(
        {
            None: [page(tasks(1), "a", failures=[DOWN])],
            "a": [page([], "a", failures=[DOWN]), page(tasks(2), "b", more=False)],
        }
    )

    run = await _run(written)

    assert numbers(run.content) == [1, 2]
    assert run.waits == [1.0, 2.0]
    assert written.asked == [None, "a", "a"]
    assert run.failures == [DOWN]
    assert run.ending == Ending(None, 2, is_finished=True, is_whole=True)


async def test_the_wait_a_backend_asks_for() -> None:
    """Retry-After is obeyed, up to a minute."""
    limited = failure(ErrorCode.BACKEND_RATE_LIMITED, retryable=True, retry_after_s=30)
    run = await _run(WrittenList({None: [page([], "a", failures=[limited])], "a": [page([], "a", more=False)]}))

    assert run.waits == [30]


async def test_patience_ends() -> None:
    """A backend that stays down ends the export with the cursor to go on from."""
    run = await _run(WrittenList({None: [page(tasks(1), "a")], "a": [page([], "a", failures=[DOWN])]}))

    assert run.ending == Ending("a", 1)
    assert run.waits == [1.0, 2.0, 4.0, 8.0, 16.0]


async def test_a_refusal_is_not_repeated() -> None:
    """Credentials that are refused will be refused again."""
    refused = failure(ErrorCode.BACKEND_REFUSED)
    written = WrittenList({None: [page([], "a", failures=[refused])], "a": [page([], "a", failures=[refused])]})

    run = await _run(written)

    assert run.ending == Ending("a", 0)
    assert run.waits == []
    assert len(written.asked) == 2


@pytest.mark.parametrize(
    ("code", "is_whole"),
    [
        (ErrorCode.NOT_SUPPORTED, True),
        (ErrorCode.BACKEND_NOT_CONFIGURED, False),
        (ErrorCode.BACKEND_BAD_RESPONSE, False),
    ],
)
async def test_what_is_left_out(code: ErrorCode, is_whole: bool) -> None:
    """All is told. Nothing is missing where a backend has no such filter; something is where it has no credentials, or
    a record makes no sense.
    """
    run = await _run(WrittenList({None: [page(tasks(1), "a", more=False, failures=[failure(code)])]}))

    assert run.ending == Ending(None, 1, is_finished=True, is_whole=is_whole)
    assert [told.code for told in run.failures] == [code]
