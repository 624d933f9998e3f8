"""A loader whose tasks are generated: whole ones, broken ones, absent ones, and backends that fail."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast

import strawberry

from schema.annotation_request import AnnotationRequest, FailedScene, ImportState, LabellingProgress
from schema.backend import Backend
from schema.connection import ListedPage, Wanted
from schema.context import Caller, Context, Scope
from schema.counts import TaskCounts, TaskStatusCount
from schema.errors import BackendFailure, ErrorCode, GatewayError
from schema.filter import TaskCriteria
from schema.health import BackendHealth, CircuitState
from schema.history import TaskEvent, TaskEventAction
from schema.node import encode_id
from schema.project import Batch, BatchPage, Project
from schema.references import Reference, RosettaTaskReference, ScaleUniqueId, Selector
from schema.scalars import JSON
from schema.status import BackendStatus, ReviewStatus, TaskStatus
from schema.task import Task, TaskAudit
from tests.fakes import FakeHierarchy, rosetta, scale

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_TEXTS = (None, "", "text", "車両", 'quo"te', "line\nbreak", "\u2028")
# What no field of a task should hold, and what some of them take all the same.
_WRONG: tuple[Any, ...] = (
    None,
    7,
    2**40,
    1.5,
    float("nan"),
    True,
    "words",
    [],
    [None],
    (),
    {},
    object(),
    datetime(2026, 3, 1, 12),  # noqa: DTZ001  a moment without a zone is one of the wrong values
    TaskStatus.FAILED,
    Backend.SCALE,
    ValueError("an exception as a value"),
    strawberry.UNSET,
)


class GeneratedRecord:
    """A record that may be broken."""

    body = b"{}"

    def __init__(self, chance: Random, *, wrong: bool) -> None:
        self._values = [{"a": [1, None, {"b": "c"}], "large": 2**60}, {}, None, "text", [1]]
        self._value = chance.choice(self._values)
        self._wrong = wrong and chance.random() < 0.3

    def raw(self, *, with_people: bool) -> JSON:
        self._fail()
        return JSON({"value": self._value, "people": with_people})

    def params(self) -> JSON | None:
        return None if self._value is None else JSON(self._value)

    def response(self) -> JSON | None:
        self._fail()
        return self.params()

    def metadata(self) -> JSON:
        self._fail()
        return JSON(self._value if self._wrong else {})

    def _fail(self) -> None:
        if self._wrong:
            raise ValueError("a record that cannot be read")


def generated_task(reference: Reference, chance: Random, *, wrong: bool) -> Task:
    """A task with anything a backend may say; with `wrong` one field holds what none may."""

    def moment() -> datetime | None:
        return chance.choice((None, _START, _START + timedelta(milliseconds=chance.randrange(10**9))))

    task = Task(
        reference=reference,
        status=chance.choice(list(TaskStatus)),
        backend_status=chance.choice((None, BackendStatus(value="3", label="label", pool=chance.choice(_TEXTS)))),
        record=GeneratedRecord(chance, wrong=wrong),
        type=chance.choice(_TEXTS),
        instruction=chance.choice(_TEXTS),
        priority=chance.choice((None, 10, -5)),
        is_test=chance.choice((None, True, False)),
        tags=chance.choice(([], ["a"], ["a", "b"])),
        unique_id=chance.choice(_TEXTS),
        review_status=chance.choice((None, *ReviewStatus)),
        audits=[_audit(chance) for _ in range(chance.randrange(3))],
        created_at=moment(),
        completed_at=moment(),
        fetched_at=_START,
        has_view_url=chance.random() < 0.5,
        known_view_url=chance.choice((None, "https://view/")),
    )
    if wrong:
        name = chance.choice([field.name for field in fields(task) if field.init])
        setattr(task, name, chance.choice(_WRONG))
    return task


def _audit(chance: Random) -> TaskAudit:
    return TaskAudit(
        auditor=chance.choice((None, "someone")),
        audited_at=_START,
        duration_seconds=chance.choice((None, 5, 2**33)) if chance.random() < 0.2 else 5,
        result=chance.choice(_TEXTS),
    )


class GeneratedLoader:
    """Fulfils `TaskLoader`. The same seed gives the same tasks, however often and in whatever order asked for."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # Most worlds are healthy, or few plans would ever answer.
        self._trouble = Random(seed).choice((0.0, 0.0, 0.0, 0.03, 0.3))
        self.loads: Counter[object] = Counter()

    async def load(self, selector: Selector) -> Task | None:
        return await self._answer(selector, selector)

    async def load_many(self, selectors: Sequence[Selector]) -> Sequence[Task | GatewayError | None]:
        return [await self._outcome(selector) for selector in selectors]

    def prime(self, task: Task) -> None:
        raise NotImplementedError  # queries write nothing

    async def _outcome(self, selector: Selector) -> Task | GatewayError | None:
        try:
            return await self.load(selector)
        except GatewayError as error:
            return error

    async def load_view_url(self, reference: Reference) -> str | None:
        task = await self._answer(("view", reference), reference)
        return None if task is None else "https://page/"

    async def chance_of(self, key: object) -> Random:
        """What decides over one read. Raises what a backend in trouble leads to."""
        self.loads[repr(key)] += 1
        chance = Random(f"{self._seed} {key!r}")
        if chance.random() < 0.5:
            await asyncio.sleep(0)
        if chance.random() < self._trouble:
            backend = chance.choice((Backend.SCALE, Backend.ROSETTA))
            raise GatewayError(
                chance.choice((ErrorCode.BACKEND_UNAVAILABLE, ErrorCode.BACKEND_TIMEOUT)),
                "backend failed",
                backend=backend,
                retry_after_s=chance.choice((None, 2.5)),
            )
        if chance.random() < self._trouble / 10:
            raise RuntimeError("a bug")
        return chance

    async def _answer(self, key: object, selector: Selector) -> Task | None:
        chance = await self.chance_of(key)
        if chance.random() < 0.1:
            return None
        return self.task(scale("found") if isinstance(selector, ScaleUniqueId) else selector, chance)

    def task(self, reference: Reference, chance: Random) -> Task:
        """A task, broken now and then."""
        return generated_task(reference, chance, wrong=chance.random() < self._trouble)


class GeneratedLister:
    """Fulfils `TaskLister`."""

    def __init__(self, loader: GeneratedLoader) -> None:
        self._loader = loader

    async def page(self, criteria: TaskCriteria, *, first: int, after: str | None, wanted: Wanted) -> ListedPage:
        chance = await self._loader.chance_of(("page", first, after, wanted))
        names = [chance.choice((scale("a"), rosetta("s"), scale("b"))) for _ in range(chance.randrange(min(first, 4)))]
        failure = BackendFailure(
            backend=Backend.SCALE,
            code=ErrorCode.BACKEND_TIMEOUT,
            message="slow",
            retryable=True,
            retry_after_seconds=1.0,
        )
        return ListedPage(
            tasks=tuple(self._loader.task(name, chance) for name in names),
            cursor_behind=lambda place: f"cursor {place}",
            has_next=chance.random() < 0.5,
            has_previous=after is not None,
            total=chance.choice((None, 7)),
            failures=chance.choice(((), (failure,))),
        )

    async def counts(self, criteria: TaskCriteria, *, total: bool, by_status: bool) -> Sequence[TaskCounts]:
        chance = await self._loader.chance_of(("counts", total, by_status))
        by = [TaskStatusCount(status=status, count=chance.randrange(9)) for status in TaskStatus] if by_status else []
        return [TaskCounts(backend=backend, total=9 if total else None, by_status=by) for backend in Backend]


class GeneratedHierarchy(FakeHierarchy):
    """Knows annotation requests with their progress and history, and Scale's projects and batches."""

    def __init__(self, loader: GeneratedLoader) -> None:
        self._loader = loader

    async def load(self, named: object) -> Any:
        chance = await self._loader.chance_of(("request", named))
        if chance.random() < 0.2:
            return None
        return AnnotationRequest(
            id=encode_id("AnnotationRequest", str(named)),
            annotation_request_id=strawberry.ID(str(named)),
            name=chance.choice(_TEXTS),
            import_state=chance.choice(list(ImportState)),
            operator_keys=chance.choice(([], ["key"])),
            scene_count=chance.choice((0, 5, 2**40 if chance.random() < 0.1 else 3)),
            failed_scenes=[FailedScene(scene_id=strawberry.ID("s"), reason="broken")],
        )

    async def progress(self, annotation_request_id: str) -> Any:
        chance = await self._loader.chance_of(("progress", annotation_request_id))
        return LabellingProgress(completed_percent=chance.choice((None, 12.5)), delivered_files={"s": "s3://b/f"})

    async def status_counts(self, annotation_request_id: str) -> Any:
        await self._loader.chance_of(("statuses", annotation_request_id))
        return {TaskStatus.PENDING: 2}

    async def history(self, reference: RosettaTaskReference) -> Sequence[TaskEvent] | None:
        chance = await self._loader.chance_of(("history", reference))
        action = chance.choice(list(TaskEventAction))
        return chance.choice((None, [], [TaskEvent(person="someone", action=action, at=_START)]))

    async def projects(self) -> Sequence[Project]:
        chance = await self._loader.chance_of("projects")
        return [Project(name="p", type=chance.choice(_TEXTS), created_at=_START, is_archived=False)]

    async def batches(self, project: str | None, *, first: int, after: str | None) -> BatchPage:
        chance = await self._loader.chance_of(("batches", project, first, after))
        batch = Batch(name="b", status="staging", project=chance.choice(_TEXTS), created_at=_START)
        return BatchPage(batches=(batch,), cursor_behind=str, has_next=False, has_previous=False, total=1)

    async def batch_status_counts(self, name: str) -> Any:
        await self._loader.chance_of(("batch", name))
        return {TaskStatus.COMPLETED: 1}


class GeneratedCounterparts:
    """Fulfils `CounterpartReader`."""

    def __init__(self, loader: GeneratedLoader) -> None:
        self._loader = loader

    async def load(self, task: Task) -> Sequence[Task]:
        chance = await self._loader.chance_of(("counterparts", task.reference))
        return [self._loader.task(rosetta("s"), chance) for _ in range(chance.randrange(2))]


class GeneratedReport:
    """Fulfils `BackendReport`."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def backends(self) -> Sequence[BackendHealth]:
        chance = Random(self._seed)
        return [
            BackendHealth(
                backend=backend,
                is_configured=chance.choice((True, False)),
                circuit=chance.choice(list(CircuitState)),
                latency_p50_ms=chance.choice((None, 1.5, 250.0)),
            )
            for backend in Backend
        ]


def context(seed: int) -> tuple[Context, GeneratedLoader]:
    """A Context over tasks that the seed decides, and its loader."""
    loader = GeneratedLoader(seed)
    scopes = frozenset(Scope) if seed % 2 else frozenset({Scope.READ})
    hierarchy = GeneratedHierarchy(loader)
    unused = cast(Any, None)
    made = Context(
        caller=Caller("tester", scopes),
        request_id="request-id",
        tasks=loader,
        writes=unused,
        report=GeneratedReport(seed),
        watch=unused,
        lists=GeneratedLister(loader),
        requests=hierarchy,
        campaigns=hierarchy,
        places=hierarchy,
        counterparts=GeneratedCounterparts(loader),
    )
    return made, loader
