"""Broker: what becomes known of tasks goes in, listeners take it out.

A listener keeps at most one observation of each task it follows: one that takes slowly gets the latest state, and
neither grows nor holds up the others. Of one task nothing older than what was told is ever told.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from schema.backend import Backend
from schema.context import Observation
from schema.errors import ErrorCode, GatewayError
from schema.references import ScaleUniqueId, Selector
from schema.status import TaskStatus
from schema.task import Task

Outcome: TypeAlias = Task | GatewayError | None

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

# Nothing that watching could wait for changes these.
_HOPELESS = frozenset({ErrorCode.BACKEND_NOT_CONFIGURED})


def is_older(task: Task, known: Task) -> bool:
    """Whether `task` is a state from before `known`: by Scale's `updated_at`, else by when it was read."""
    if task.reference.backend is Backend.SCALE and task.updated_at is not None and known.updated_at is not None:
        return (task.updated_at, task.fetched_at) < (known.updated_at, known.fetched_at)
    return task.fetched_at < known.fetched_at


def differs(task: Task, known: Task) -> bool:
    """Whether a client could see a change of status or record. When it was read, and how, is none."""
    if _visible(task) != _visible(known):
        return True
    # Where nothing tells when the record changed, it is compared itself; single and bulk reads bring different ones,
    # and a page's address may be signed anew each time.
    if task.updated_at is not None or task.has_view_url != known.has_view_url or task.known_view_url is not None:
        return False
    if task.record.body == known.record.body:
        return False
    return task.record.raw(with_people=True) != known.record.raw(with_people=True)


def _visible(task: Task) -> tuple[object, ...]:
    return (
        task.status,
        task.backend_status,
        task.updated_at,
        task.completed_at,
        task.review_status,
        task.unique_id,
        task.tags,
        task.batch,
        task.project,
        task.priority,
        task.callback_succeeded,
        task.times_redone,
        task.audits,
    )


@dataclass(eq=False)
class _Topic:
    """One watched selector: what is known of it, and who listens."""

    listeners: set["Listener"] = field(default_factory=set)
    known: Task | None = None
    told: "_Told | None" = None


@dataclass(frozen=True)
class _Told:
    outcome: Outcome
    observed_at: datetime


class Broker:
    """Topics by selector, present only while someone listens.

    `on_first` hears of a selector that has found its first listener, `on_last` of one that has lost its last.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.on_first: Callable[[Selector], None] = lambda selector: None
        self.on_last: Callable[[Selector], None] = lambda selector: None
        self.now = now
        self._topics: dict[Selector, _Topic] = {}

    async def observe(self, selectors: Sequence[Selector]) -> AsyncGenerator[Observation, None]:
        """Fulfils `TaskWatch`."""
        listener = self.listen(selectors)
        try:
            while (observation := await listener.take()) is not None:
                yield observation
        finally:
            listener.close()

    def listen(self, selectors: Iterable[Selector]) -> "Listener":
        """A new listener, to be closed. What is known already is told at once."""
        listener = Listener(self)
        for selector in selectors:
            listener.follow(selector, selector)
        return listener

    def is_watched(self, selector: Selector) -> bool:
        return selector in self._topics

    def known(self, selector: Selector) -> Task | None:
        """The latest state told of the selector, None where none was."""
        topic = self._topics.get(selector)
        return None if topic is None else topic.known

    def publish(self, task: Task) -> bool:
        """Tells whoever listens to the task. False where nobody does, where it is known, or older than what is."""
        topic = self._topics.get(task.reference)
        if topic is None or (topic.known is not None and is_older(task, topic.known)):
            return False
        known, topic.known = topic.known, task
        was_told = topic.told is not None and isinstance(topic.told.outcome, Task)
        if was_told and known is not None and not differs(task, known):
            return False
        self._tell(task.reference, topic, task)
        return True

    def fail(self, selector: Selector, outcome: GatewayError | None) -> None:
        """Tells that a task is not there (None) or cannot be read. That what is known cannot be read is not told."""
        topic = self._topics.get(selector)
        if topic is None:
            return
        if isinstance(outcome, GatewayError) and topic.known is not None:
            return
        if topic.told is None or _kind(topic.told.outcome) != _kind(outcome):
            self._tell(selector, topic, outcome)
        if topic.known is None and (outcome is None or outcome.code in _HOPELESS):
            for listener in list(topic.listeners):
                listener.leave(selector)

    def lead(self, unique_id: ScaleUniqueId, task: Task) -> None:
        """Who listens to the unique id listens to this task from now on."""
        topic = self._topics.get(unique_id)
        for listener in list(topic.listeners) if topic is not None else ():
            listener.move(unique_id, task.reference)
        self.publish(task)

    def join(self, listener: "Listener", selector: Selector) -> None:
        topic = self._topics.get(selector)
        if topic is None:
            topic = self._topics[selector] = _Topic()
            self.on_first(selector)
        topic.listeners.add(listener)
        if topic.told is not None:
            latest = topic.known if isinstance(topic.told.outcome, Task) else topic.told.outcome
            listener.put(selector, latest, topic.told.observed_at)

    def part(self, listener: "Listener", selector: Selector) -> None:
        topic = self._topics[selector]
        topic.listeners.discard(listener)
        if not topic.listeners:
            del self._topics[selector]
            self.on_last(selector)

    def __len__(self) -> int:
        return len(self._topics)

    def _tell(self, selector: Selector, topic: _Topic, outcome: Outcome) -> None:
        topic.told = _Told(outcome, self.now())
        for listener in topic.listeners:
            listener.put(selector, outcome, topic.told.observed_at)


class Listener:
    """One subscriber's mailbox: at most one observation for each selector that it asked for."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        # What is followed, and by which of the selectors asked for.
        self._following: dict[Selector, list[Selector]] = {}
        self._waiting: dict[Selector, _Told] = {}
        self._taken: dict[Selector, Outcome] = {}
        self._statuses: dict[Selector, TaskStatus] = {}
        self._ready = asyncio.Event()

    def follow(self, selector: Selector, asked_for: Selector) -> None:
        """Follows `selector` in the name of `asked_for`."""
        self._following.setdefault(selector, []).append(asked_for)
        self._broker.join(self, selector)

    def move(self, selector: Selector, to: Selector) -> None:
        """Follows another selector in the same names."""
        for asked_for in self._following.get(selector, ()):
            self.follow(to, asked_for)
        self.leave(selector)

    def leave(self, selector: Selector) -> None:
        """Follows the selector no more; what was told of it stays to be taken."""
        if self._following.pop(selector, None) is not None:
            self._broker.part(self, selector)
        self._ready.set()

    def put(self, selector: Selector, outcome: Outcome, observed_at: datetime) -> None:
        """Keeps the latest outcome until it is taken."""
        for asked_for in self._following.get(selector, ()):
            self._waiting[asked_for] = _Told(outcome, observed_at)
        self._ready.set()

    async def take(self) -> Observation | None:
        """The next thing that is news to this listener, None when it follows nothing any more.

        One at a time: what is still waiting while a slow client takes this one may yet be replaced by later news.
        """
        while True:
            while self._waiting:
                asked_for = next(iter(self._waiting))
                observation = self._observation(asked_for, self._waiting.pop(asked_for))
                if observation is not None:
                    return observation
            if not self._following:
                return None
            self._ready.clear()
            await self._ready.wait()

    def __len__(self) -> int:
        """How many observations wait to be taken."""
        return len(self._waiting)

    def close(self) -> None:
        """Follows nothing any more."""
        for selector in list(self._following):
            self.leave(selector)

    def _observation(self, asked_for: Selector, told: _Told) -> Observation | None:
        outcome, before = told.outcome, self._taken.get(asked_for, _NOTHING)
        if _is_same(outcome, before):
            return None
        self._taken[asked_for] = outcome
        previous = self._statuses.get(asked_for)
        if isinstance(outcome, Task):
            self._statuses[asked_for] = outcome.status
        return Observation(asked_for, outcome, previous, told.observed_at)


class _Nothing:
    """Stands for "never told anything"; None is an outcome."""


_NOTHING = _Nothing()


def _is_same(outcome: Outcome, before: Outcome | _Nothing) -> bool:
    if isinstance(outcome, Task) and isinstance(before, Task):
        return not differs(outcome, before)
    return not isinstance(before, _Nothing) and _kind(outcome) == _kind(before)


def _kind(outcome: Outcome) -> object:
    if isinstance(outcome, GatewayError):
        return outcome.code
    return outcome if outcome is None else Task
