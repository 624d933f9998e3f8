"""A list that a test writes down: pages by cursor, and what is asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from schema.backend import Backend
from schema.connection import ListedPage, Wanted
from schema.counts import TaskCounts
from schema.errors import BackendFailure, ErrorCode
from schema.filter import TaskCriteria
from schema.task import Task
from tests.fakes import fake_task, scale


def tasks(*numbers: int) -> list[Task]:
    """A Scale task for each number."""
    return [fake_task(scale(f"task-{number}")) for number in numbers]


def numbers(content: bytes) -> list[int]:
    """The tasks of NDJSON lines, by their numbers."""
    return [int(orjson.loads(line)["scaleTaskId"].removeprefix("task-")) for line in content.splitlines()]


def page(
    tasks: Sequence[Task], after: str, *, more: bool = True, failures: Sequence[BackendFailure] = ()
) -> ListedPage:
    """A page that ends at the cursor `after`."""
    return ListedPage(
        tasks=tasks,
        cursor_behind=lambda count: after,
        has_next=more,
        has_previous=False,
        total=None,
        failures=failures,
    )


def failure(code: ErrorCode, *, retryable: bool = False, retry_after_s: float | None = None) -> BackendFailure:
    """What Scale could not do."""
    return BackendFailure(
        backend=Backend.SCALE, code=code, message="made up", retryable=retryable, retry_after_seconds=retry_after_s
    )


@dataclass
class WrittenList:
    """Fulfils `TaskLister`: the pages behind each cursor, one after another, the last of them again and again."""

    pages: Mapping[str | None, list[ListedPage]]
    asked: list[str | None] = field(default_factory=list)

    async def page(self, criteria: TaskCriteria, *, first: int, after: str | None, wanted: Wanted) -> ListedPage:
        self.asked.append(after)
        waiting = self.pages[after]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async def counts(self, criteria: TaskCriteria, *, total: bool, by_status: bool) -> list[TaskCounts]:
        raise NotImplementedError
