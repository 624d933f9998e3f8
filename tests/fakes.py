"""Small real objects that fulfil the gateway's protocols."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import strawberry

from gateway.backends.base import Outcome
from gateway.backends.guard import Guard
from schema.backend import Backend
from schema.errors import ErrorCode
from schema.references import Reference, RosettaTaskReference, ScaleTaskReference, global_id
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
        id=global_id(reference),
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
