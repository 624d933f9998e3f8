"""What resolvers may ask of the machinery behind them. One Context an operation."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias

import strawberry

if TYPE_CHECKING:
    from schema.annotation_request import AnnotationRequest, LabellingProgress
    from schema.campaign import Campaign, Frames
    from schema.changes import Change
    from schema.connection import ListedPage, Wanted
    from schema.counts import TaskCounts
    from schema.creation import CreatedTask, MultistageCreation
    from schema.errors import GatewayError
    from schema.filter import TaskCriteria
    from schema.health import BackendHealth
    from schema.history import TaskEvent
    from schema.project import BatchPage, Project
    from schema.references import Reference, RosettaTaskReference, Selector
    from schema.status import TaskStatus
    from schema.task import Task


class Scope(Enum):
    """What a caller may do."""

    READ = "read"
    WRITE = "write"
    PEOPLE = "people"


@dataclass(frozen=True)
class Caller:
    """Who is asking, as far as the gateway knows; `name` is safe to log.

    `expires_at` is when the credentials end, in seconds since 1970; None where they do not.
    """

    name: str
    scopes: frozenset[Scope]
    expires_at: float | None = None


class TaskLoader(Protocol):
    """Tasks of one operation: each reference is read at most once, references asked for together go out together."""

    def load(self, selector: "Selector") -> "Awaitable[Task | None]":
        """The task, None where its backend knows no such task. Raises GatewayError when the backend fails."""

    def load_many(self, selectors: "Sequence[Selector]") -> "Awaitable[Sequence[Task | GatewayError | None]]":
        """As `load`, one outcome a selector in their order; failures are values."""

    def load_view_url(self, reference: "Reference") -> "Awaitable[str | None]":
        """The page on which people see a Rosetta task; read alone, as bulk reads do not bring it."""

    def prime(self, task: "Task") -> None:
        """What this operation has just written is what it loads from now on."""


class TaskWriter(Protocol):
    """Changes tasks. What it returns is the task as its backend says it now stands; the cache knows it already."""

    async def write(self, selector: "Selector", change: "Change") -> "Task":
        """Raises GatewayError where it was not done: RefusalError where the refusal has a type of its own."""

    async def write_all(
        self, selectors: "Sequence[Selector | GatewayError]", change: "Change"
    ) -> "Sequence[Task | GatewayError]":
        """One outcome a selector, in their order; a task named twice is changed once. Failures are values."""

    async def create(self, creation: "MultistageCreation") -> "CreatedTask":
        """Makes a task once. Raises as `write` does; OUTCOME_UNKNOWN where it may have been made."""


class TaskLister(Protocol):
    """One list over both backends. What a backend cannot answer is data, never raised."""

    def page(
        self, criteria: "TaskCriteria", *, first: int, after: str | None, wanted: "Wanted"
    ) -> "Awaitable[ListedPage]":
        """The page behind the cursor `after`. Raises GatewayError BAD_USER_INPUT for a cursor of another list."""

    def counts(self, criteria: "TaskCriteria", *, total: bool, by_status: bool) -> "Awaitable[Sequence[TaskCounts]]":
        """One entry a backend that the criteria leave in, with what is asked for."""


class AnnotationRequestReader(Protocol):
    """Annotation requests and what hangs on them, each read at most once an operation.

    All answer None for what the backend does not know, and raise GatewayError when it fails.
    """

    def load(self, annotation_request_id: str) -> "Awaitable[AnnotationRequest | None]": ...

    def progress(self, annotation_request_id: str) -> "Awaitable[LabellingProgress | None]":
        """How far its tasks are labelled, and their delivered files."""

    def status_counts(self, annotation_request_id: str) -> "Awaitable[Mapping[TaskStatus, int] | None]":
        """How many of its scenes stand where."""

    def history(self, reference: "RosettaTaskReference") -> "Awaitable[Sequence[TaskEvent] | None]":
        """What happened to a task, oldest first; None where that cannot be known. One bulk read a request."""


class CampaignReader(Protocol):
    """Campaigns. All answer None for what the backend does not know, and raise GatewayError when it fails."""

    def campaign(self, name: str) -> "Awaitable[Campaign | None]": ...

    def campaigns_of_folder(self, folder_name: str) -> "Awaitable[Sequence[Campaign] | None]": ...

    def frames(self, campaign_id: str) -> "Awaitable[Frames | None]": ...


class PlaceReader(Protocol):
    """What holds Scale's tasks. Raises GatewayError when the backend fails."""

    def projects(self) -> "Awaitable[Sequence[Project]]": ...

    def batches(self, project: str | None, *, first: int, after: str | None) -> "Awaitable[BatchPage]": ...

    def batch_status_counts(self, name: str) -> "Awaitable[Mapping[TaskStatus, int] | None]": ...


class CounterpartReader(Protocol):
    """The same scene in the other backend."""

    def load(self, task: "Task") -> "Awaitable[Sequence[Task]]":
        """Its tasks there, none where there are none. Raises GatewayError when that backend fails."""


class BackendReport(Protocol):
    """What has been seen of the backends."""

    def backends(self) -> "Sequence[BackendHealth]":
        """One entry a backend, configured or not. Asks nobody."""


@dataclass(frozen=True)
class Observation:
    """What became known of one watched task: the task, None where there is none, or why it is not known.

    `previous_status` is what the same listener was told before.
    """

    selector: "Selector"
    outcome: "Task | GatewayError | None"
    previous_status: "TaskStatus | None"
    observed_at: datetime


class TaskWatch(Protocol):
    """Watches tasks for one listener; all listeners of a task share one watch."""

    def now(self) -> datetime:
        """The moment, for what is observed without any watching."""

    def observe(self, selectors: "Sequence[Selector]") -> AsyncGenerator[Observation, None]:
        """First each task as it stands, then every change; a slow listener gets the latest state only.

        Ends when none of the tasks can be watched. To be closed by whoever iterates.
        """


@dataclass
class Context:
    """One operation's view: who asks, under which request id, and through which loaders and writers.

    `deadline` is the event loop's time at which fields still waiting give up; None: never. `no_cache` says that the
    client wants nothing stale.
    """

    caller: Caller
    request_id: str
    tasks: TaskLoader
    writes: TaskWriter
    report: BackendReport
    watch: TaskWatch
    deadline: float | None = None
    no_cache: bool = False
    lists: TaskLister = field(kw_only=True)
    requests: AnnotationRequestReader = field(kw_only=True)
    campaigns: CampaignReader = field(kw_only=True)
    places: PlaceReader = field(kw_only=True)
    counterparts: CounterpartReader = field(kw_only=True)

    @property
    def sees_people(self) -> bool:
        """Whether names of workers and auditors may be shown."""
        return Scope.PEOPLE in self.caller.scopes


Info: TypeAlias = strawberry.Info[Context, None]
