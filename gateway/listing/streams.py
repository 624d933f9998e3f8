"""One of Scale's own lists, read page by page from a place on."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.backends.scale import ScaleClient, TaskQuery
from gateway.listing.places import Key, ScalePlace
from gateway.listing.states import task_of_state
from gateway.repository import TaskRepository
from schema.references import ScaleTaskReference
from schema.task import Task

MAX_LIMIT: Final = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Of a task without a creation time at the top of the list: newer than any.
_NEWEST: Final = -(2**52)


@dataclass(frozen=True)
class Reading:
    """How records are read: light, or whole and then kept in the cache."""

    scale: ScaleClient
    repository: TaskRepository
    now: Callable[[], datetime]
    is_light: bool


class Stream:
    """A list of Scale behind a place. Tasks wait in it until they are taken, each with its key."""

    def __init__(self, query: TaskQuery, place: ScalePlace, reading: Reading) -> None:
        self._reading = reading
        self._resume_at = None if place.token is not None else place.at
        self._query = _from_key(replace(query, next_token=place.token), self._resume_at)
        self._last_ms = place.at[0] if place.at else _NEWEST
        self._has_read = False
        self._waiting: deque[tuple[Key, Task]] = deque()
        self.is_exhausted = False
        self.total: int | None = None
        self.skipped = 0

    @property
    def token(self) -> str | None:
        """Scale's cursor behind all that was read."""
        return self._query.next_token

    @property
    def is_skipping(self) -> bool:
        """Whether the task that the last page ended with may still come."""
        return self._resume_at is not None

    @property
    def is_empty(self) -> bool:
        """Whether Scale has to be asked to know the next task."""
        return not self._waiting and not self.is_exhausted

    @property
    def head(self) -> tuple[Key, Task] | None:
        """The next task and its key, where one waits."""
        return self._waiting[0] if self._waiting else None

    def pop(self) -> tuple[Key, Task]:
        """Takes the head."""
        return self._waiting.popleft()

    async def read(self, limit: int) -> None:
        """Asks for the next page. Raises GatewayError."""
        tasks, token, total, skipped = await self._ask(replace(self._query, limit=self._limit(limit)))
        # Counted from a key on, the total is not that of the list.
        if self._resume_at is None and not self._has_read:
            self.total = total
        self._has_read = True
        self._waiting.extend(self._behind(self._keyed(tasks)))
        self.skipped += skipped
        self.is_exhausted = token is None
        self._query = replace(self._query, next_token=token)

    def _limit(self, wanted: int) -> int:
        """One more than wanted, as the last page's last task comes again; more where many of its moment do."""
        if self._resume_at is not None:
            wanted = MAX_LIMIT if self._has_read else wanted + 1
        return min(wanted, MAX_LIMIT)

    async def _ask(self, query: TaskQuery) -> tuple[Sequence[Task], str | None, int | None, int]:
        reading = self._reading
        if reading.is_light:
            states = await reading.scale.list_task_states(query)
            tasks = [task_of_state(state, reading.now()) for state in states.states]
            return tasks, states.next_token, states.total, states.skipped
        mark = reading.repository.mark
        page = await reading.scale.list_tasks(query)
        reading.repository.prime(page.tasks, mark)
        return page.tasks, page.next_token, page.total, page.skipped

    def _keyed(self, tasks: Iterable[Task]) -> list[tuple[Key, Task]]:
        """Each with its key; a task without a creation time stands with the one before it."""
        keyed: list[tuple[Key, Task]] = []
        for task in tasks:
            if task.created_at is not None:
                self._last_ms = -((task.created_at - _EPOCH) // _MILLISECOND)
            keyed.append(((self._last_ms, task_id_of(task)), task))
        return keyed

    def _behind(self, keyed: list[tuple[Key, Task]]) -> list[tuple[Key, Task]]:
        """Those behind the task that the last page ended with, which may have left the list since."""
        at = self._resume_at
        if at is None:
            return keyed
        ids = [key[1] for key, _ in keyed]
        if keyed and keyed[-1][0][0] > at[0]:
            self._resume_at = None  # older ones follow: what comes later is behind it
        if at[1] in ids:
            self._resume_at = None
            return keyed[ids.index(at[1]) + 1 :]
        return [item for item in keyed if item[0] > at]


def task_id_of(task: Task) -> str:
    """Scale's task id."""
    assert isinstance(task.reference, ScaleTaskReference)
    return task.reference.task_id


def _from_key(query: TaskQuery, at: Key | None) -> TaskQuery:
    """The query from the moment of the key on; Scale's bound is inclusive, so tasks of that very moment come again."""
    if at is None or at[0] <= _NEWEST:
        return query
    try:
        moment = _EPOCH - at[0] * _MILLISECOND
    except OverflowError:
        return query
    return query if query.end_time is not None and query.end_time < moment else replace(query, end_time=moment)
