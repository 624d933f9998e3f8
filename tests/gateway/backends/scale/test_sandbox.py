"""The client against the emulator, which is written from the documentation and shares no code with it."""

from datetime import datetime

import pytest

from gateway.backends.scale import BatchQuery, RefusedQueryError, ScaleClient, TaskQuery, scale_backend
from gateway.backends.transport import Limits, in_process
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale import ScaleSandbox
from schema.errors import ErrorCode, GatewayError
from schema.status import ReviewStatus, TaskStatus
from schema.task import Task
from tests.fakes import START, CountingObserver, scale

pytestmark = pytest.mark.anyio

AWKWARD = ["s3://b/f.png", "x y&z=1", "車両", "a/b", "a,b", "%2F", ".."]


@pytest.fixture
def sandbox() -> ScaleSandbox:
    """An account with no tasks, whose clock stands still."""
    return ScaleSandbox(SandboxClock.manual(START), api_key="live_key")


@pytest.fixture
def client(sandbox: ScaleSandbox) -> ScaleClient:
    """A client with the account's key."""
    return connect(sandbox, sandbox.api_key)


def connect(sandbox: ScaleSandbox, api_key: str) -> ScaleClient:
    def now() -> datetime:
        return sandbox.clock.now()

    return scale_backend(
        "http://scale.sandbox/v1",
        api_key,
        limits=Limits(timeout_s=5),
        observer=CountingObserver(),
        wire=in_process(sandbox.app),
        now=now,
    )


async def test_single_tasks(sandbox: ScaleSandbox, client: ScaleClient) -> None:
    """A task is read, one that was never made is None."""
    made = sandbox.store.add_task(project="cows", tags=["a"], unique_id="s3://b/f.png")

    task, missing = await client.fetch([scale(made.task_id), scale("fake_id_qwertyuiop")])

    assert isinstance(task, Task)
    assert (task.status, task.project, task.tags, task.unique_id) == (
        TaskStatus.PENDING,
        "cows",
        ("a",),
        "s3://b/f.png",
    )
    assert (task.created_at, task.fetched_at) == (START, START)
    assert missing is None


async def test_unique_ids(sandbox: ScaleSandbox, client: ScaleClient) -> None:
    """Awkward ids find their own tasks in one call, among 100 others."""
    for i in range(100):
        sandbox.store.add_task(unique_id=f"other-{i}")
    made = [sandbox.store.add_task(unique_id=unique_id).task_id for unique_id in AWKWARD]

    outcomes = await client.fetch_by_unique_id([*AWKWARD, "missing"])

    assert [outcome and getattr(outcome, "reference", outcome) for outcome in outcomes] == [*map(scale, made), None]


async def test_walking_all_tasks(sandbox: ScaleSandbox, client: ScaleClient) -> None:
    """Every task comes once, newest first, page by page."""
    made = []
    for _ in range(25):
        made.append(sandbox.store.add_task().task_id)
        sandbox.clock.advance(1)

    walked: list[str] = []
    query = TaskQuery(limit=10)
    while True:
        page = await client.list_tasks(query)
        # JSON is opaque to mypy.
        walked += [task.record.raw(with_people=True)["task_id"] for task in page.tasks]  # type: ignore[index]
        assert (page.total, page.skipped) == (25, 0)
        if page.next_token is None:
            break
        query = TaskQuery(limit=10, next_token=page.next_token)

    assert walked == made[::-1]


async def test_filters(sandbox: ScaleSandbox, client: ScaleClient) -> None:
    """Each filter keeps what it says, and the emulator takes all of them at once."""
    done = sandbox.store.add_task(
        type="lidarannotation",
        project="a b/c",
        batch="b-1",
        tags=["x"],
        unique_id="u",
        status="completed",
        customer_review_status="fixed",
    )
    sandbox.store.add_task(project="cows")
    record = done.record
    completed_at = datetime.fromisoformat(record["completed_at"])

    page = await client.list_tasks(
        TaskQuery(
            status=TaskStatus.COMPLETED,
            type="lidarannotation",
            project="a b/c",
            batch="b-1",
            review_statuses=(ReviewStatus.FIXED, ReviewStatus.REJECTED),
            unique_ids=("u", "v"),
            tags=("x",),
            start_time=START,
            end_time=START,
            updated_after=START,
            completed_after=completed_at,
        )
    )

    assert [task.reference for task in page.tasks] == [scale(done.task_id)]
    assert page.total == 1
    states = await client.list_task_states(TaskQuery(status=TaskStatus.PENDING))
    assert [state.project for state in states.states] == ["cows"]


async def test_places(sandbox: ScaleSandbox, client: ScaleClient) -> None:
    """Projects, batches and the counts of a batch."""
    sandbox.store.add_project("cows")
    for name in ("b-1", "b 2/x"):
        sandbox.store.add_batch(name, "cows")
        sandbox.clock.advance(1)
    sandbox.store.add_task(project="cows", batch="b 2/x")
    sandbox.store.add_task(project="cows", batch="b 2/x", status="completed")

    projects = await client.projects(archived=False)
    first = await client.batches(BatchQuery(limit=1))
    second = await client.batches(BatchQuery(limit=1, offset=first.next_offset or 0))
    status = await client.batch_status("b 2/x")

    assert [project.name for project in projects.projects] == ["cows"]
    assert [batch.name for batch in (*first.batches, *second.batches)] == ["b 2/x", "b-1"]
    assert (first.total, first.next_offset, second.next_offset) == (2, 1, None)
    assert status is not None
    assert (status.status, status.counts[TaskStatus.PENDING], status.counts[TaskStatus.COMPLETED]) == (
        "in_progress",
        1,
        1,
    )
    assert await client.batch_status("none") is None


async def test_a_wrong_key(sandbox: ScaleSandbox) -> None:
    """Credentials that Scale refuses are the operator's concern."""
    [error] = await connect(sandbox, "another_key").fetch([scale("a")])

    assert isinstance(error, GatewayError)
    assert error.code is ErrorCode.BACKEND_REFUSED


async def test_a_token_of_nobody(client: ScaleClient) -> None:
    """A damaged token is refused as a query, not taken for page one."""
    with pytest.raises(RefusedQueryError):
        await client.list_tasks(TaskQuery(next_token="%%%"))
