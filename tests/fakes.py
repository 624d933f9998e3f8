"""Small real objects that fulfil the gateway's protocols."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict

import strawberry

from gateway.backends.base import Outcome
from gateway.backends.guard import Guard
from schema.backend import Backend
from schema.connection import ListedPage, Wanted
from schema.context import AnnotationRequestReader, CampaignReader, CounterpartReader, PlaceReader, TaskLister
from schema.counts import TaskCounts
from schema.errors import ErrorCode
from schema.filter import TaskCriteria
from schema.history import TaskEvent
from schema.project import BatchPage, Project
from schema.references import Reference, RosettaTaskReference, ScaleTaskReference
from schema.scalars import JSON
from schema.status import TaskStatus
from schema.task import Task

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeClock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


def quick_guard() -> Guard:
    """A backend's guard for whom no time passes between tries."""

    async def sleep(seconds: float) -> None: ...

    return Guard(FakeClock(), sleep=sleep)


class FakeRecord:
    """A record without content."""

    body = b"{}"

    def raw(self, *, with_people: bool) -> JSON:
        return JSON({})

    def params(self) -> JSON | None:
        return None

    def response(self) -> JSON | None:
        return None

    def metadata(self) -> JSON:
        return JSON({})


def scale(task_id: str) -> ScaleTaskReference:
    return ScaleTaskReference(task_id=strawberry.ID(task_id))


def rosetta(scene_id: str, request_id: str = "request", campaign_id: str = "campaign") -> RosettaTaskReference:
    return RosettaTaskReference(
        campaign_id=strawberry.ID(campaign_id),
        annotation_request_id=strawberry.ID(request_id),
        scene_id=strawberry.ID(scene_id),
    )


def fake_task(
    reference: Reference,
    status: TaskStatus = TaskStatus.PENDING,
    *,
    unique_id: str | None = None,
    has_view_url: bool = True,
) -> Task:
    return Task(
        reference=reference,
        status=status,
        record=FakeRecord(),
        fetched_at=START,
        unique_id=unique_id,
        has_view_url=has_view_url,
        known_view_url="https://view/" if has_view_url else None,
    )


class FakeBackend:
    """Answers from a dictionary and notes what it was asked, call by call."""

    fetch_may_be_begun = False

    def __init__(self, backend: Backend, answer: Callable[[Reference], Outcome]) -> None:
        self.backend = backend
        self.answer = answer
        self.asked: list[list[Reference]] = []
        self.asked_unique_ids: list[list[str]] = []
        self.by_unique_id: Mapping[str, Outcome] = {}

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        self.asked.append(list(references))
        return [self.answer(reference) for reference in references]

    async def fetch_by_unique_id(self, unique_ids: Sequence[str]) -> Sequence[Outcome]:
        self.asked_unique_ids.append(list(unique_ids))
        return [self.by_unique_id.get(unique_id) for unique_id in unique_ids]

    def restore(self, reference: Reference, body: bytes, fetched_at: datetime) -> Task:
        return fake_task(reference)


class CountingObserver:
    """Counts what a backend's transport and normalizer report."""

    def __init__(self) -> None:
        self.calls: list[tuple[Backend, str, ErrorCode | None]] = []
        self.misfits: list[tuple[Backend, str]] = []

    def called(self, backend: Backend, endpoint: str, failure: ErrorCode | None, seconds: float) -> None:
        self.calls.append((backend, endpoint, failure))

    def misfit(self, backend: Backend, field: str) -> None:
        self.misfits.append((backend, field))


class FakeLister:
    """Lists and counts nothing."""

    async def page(self, criteria: TaskCriteria, *, first: int, after: str | None, wanted: Wanted) -> ListedPage:
        return ListedPage(tasks=(), cursor_behind=str, has_next=False, has_previous=False)

    async def counts(self, criteria: TaskCriteria, *, total: bool, by_status: bool) -> Sequence[TaskCounts]:
        return ()


class FakeHierarchy:
    """Knows no annotation request, campaign, project, batch or counterpart."""

    async def load(self, named: object) -> None:
        return None

    async def progress(self, annotation_request_id: str) -> None:
        return None

    async def status_counts(self, annotation_request_id: str) -> None:
        return None

    async def history(self, reference: RosettaTaskReference) -> Sequence[TaskEvent] | None:
        return None

    async def campaign(self, name: str) -> None:
        return None

    async def campaigns_of_folder(self, folder_name: str) -> None:
        return None

    async def frames(self, campaign_id: str) -> None:
        return None

    async def projects(self) -> Sequence[Project]:
        return ()

    async def batches(self, project: str | None, *, first: int, after: str | None) -> BatchPage:
        return BatchPage(batches=(), cursor_behind=str, has_next=False, has_previous=False, total=0)

    async def batch_status_counts(self, name: str) -> None:
        return None


class FakeCounterparts:
    """Finds the tasks it was given."""

    def __init__(self, *tasks: Task) -> None:
        self.tasks = tasks

    async def load(self, task: Task) -> Sequence[Task]:
        return self.tasks


class FakeReaders(TypedDict):
    """The fields of a Context by which lists and what holds tasks are asked for."""

    lists: TaskLister
    requests: AnnotationRequestReader
    campaigns: CampaignReader
    places: PlaceReader
    counterparts: CounterpartReader


def fake_readers(lists: TaskLister | None = None, counterparts: CounterpartReader | None = None) -> FakeReaders:
    """Readers that know nothing but what they are given."""
    nothing = FakeHierarchy()
    return FakeReaders(
        lists=lists or FakeLister(),
        requests=nothing,
        campaigns=nothing,
        places=nothing,
        counterparts=counterparts or FakeCounterparts(),
    )
