"""Scale's own Python SDK against the emulator: what satisfies it speaks Scale's wire format."""

from collections.abc import Iterator
from typing import Any

import pytest
from scaleapi import ScaleClient
from scaleapi.exceptions import ScaleDuplicateResource, ScaleInvalidRequest, ScaleResourceNotFound, ScaleUnauthorized
from scaleapi.tasks import TaskReviewStatus, TaskStatus, TaskType

from gateway.sandbox.scale import ScaleSandbox
from gateway.sandbox.scale.store import TaskRow
from tests.gateway.sandbox.scale_account import MULTISTAGE, make_sandbox
from tests.gateway.sandbox.served import served


def connect(api_key: str, base_url: str) -> ScaleClient:
    # The SDK has no types.
    return ScaleClient(api_key, api_instance_url=base_url)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[ScaleSandbox, ScaleClient]]:
    sandbox = make_sandbox()
    sandbox.store.add_project("a bc/def")
    with served(sandbox.app) as origin:
        yield sandbox, connect(sandbox.api_key, f"{origin}/v1")


@pytest.fixture
def sandbox(account: tuple[ScaleSandbox, ScaleClient]) -> ScaleSandbox:
    return account[0]


@pytest.fixture
def sdk(account: tuple[ScaleSandbox, ScaleClient]) -> Any:
    return account[1]


@pytest.fixture
def task(sandbox: ScaleSandbox) -> TaskRow:
    return sandbox.store.add_task(project="road")


def test_get(sdk: Any, task: TaskRow) -> None:
    """A task is read whole, an unknown one raises not found, a bad key unauthorized."""
    assert sdk.get_task(task.task_id).as_dict() == task.record
    with pytest.raises(ScaleResourceNotFound):
        sdk.get_task("fake_id_qwertyuiop")
    stranger: Any = connect("test_other", sdk.api.base_api_url)
    with pytest.raises(ScaleUnauthorized):
        stranger.get_task(task.task_id)


def test_walk_300_tasks(sdk: Any, sandbox: ScaleSandbox) -> None:
    """The SDK's generator walks three hundred tasks of a project whose name needs encoding."""
    made = {sandbox.store.add_task(project="a bc/def", unique_id=f"s3://b/{n} x&y").task_id for n in range(300)}

    walked = list(sdk.get_tasks(project_name="a bc/def", limit=70))
    assert [task.id for task in walked] == sorted(made)
    assert "attachmentS3Downloads" in walked[0].as_dict()
    assert sdk.get_tasks_count(project_name="a bc/def", status=TaskStatus.Pending) == 300
    assert sdk.get_project("a bc/def").name == "a bc/def"


def test_filtered_lists(sdk: Any, sandbox: ScaleSandbox) -> None:
    """Lists of unique ids, of review statuses, of tags, and limited answers go over the wire as the SDK sends them."""
    accepted = sandbox.store.add_task(project="road", customer_review_status="accepted", unique_id="a/b c&d")
    fixed = sandbox.store.add_task(project="road", customer_review_status="fixed", unique_id="e", tags=["sdk"])
    both = sorted([accepted.task_id, fixed.task_id])
    reviews = [TaskReviewStatus.Accepted, TaskReviewStatus.Fixed]

    assert [each.id for each in sdk.get_tasks("road", unique_id=["a/b c&d", "e", "absent"])] == both
    assert [each.id for each in sdk.get_tasks("road", review_status=reviews)] == both
    assert [each.id for each in sdk.get_tasks("road", tags=["sdk", "none"])] == [fixed.task_id]
    limited = next(sdk.get_tasks("road", unique_id="e", limited_response=True))
    assert set(limited.as_dict()) == {"task_id", "status", "metadata", "project"}
    with pytest.raises(ScaleInvalidRequest):
        sdk.tasks(limit=101)


def test_cancel(sdk: Any, sandbox: ScaleSandbox, task: TaskRow) -> None:
    """A pending task is canceled and its unique id freed; a started one raises."""
    sandbox.store.patch(task.task_id, unique_id="to be freed")
    canceled = sdk.cancel_task(task.task_id, clear_unique_id=True)

    assert canceled.status == "canceled"
    assert "unique_id" not in canceled.as_dict()


def test_cancel_of_started_work(sdk: Any, sandbox: ScaleSandbox, task: TaskRow) -> None:
    """A task that reads pending but is being worked on cannot be canceled."""
    sandbox.store.start(task.task_id)
    with pytest.raises(ScaleInvalidRequest):
        sdk.cancel_task(task.task_id)


def test_set_and_add_tags_differ(sdk: Any, task: TaskRow) -> None:
    """Setting replaces what is there, adding keeps it: only tags that are already there tell the two apart."""
    assert sdk.set_task_tags(task.task_id, ["a", "b"]).tags == ["a", "b"]
    assert sdk.add_task_tags(task.task_id, ["b", "c"]).tags == ["a", "b", "c"]
    assert sdk.delete_task_tags(task.task_id, ["a", "absent"]).tags == ["b", "c"]
    assert sdk.set_task_tags(task.task_id, ["z"]).tags == ["z"]
    assert "tags" not in sdk.set_task_tags(task.task_id, []).as_dict()


def test_metadata(sdk: Any, task: TaskRow) -> None:
    """Metadata is replaced, and emptied by the body the SDK leaves out."""
    assert sdk.set_task_metadata(task.task_id, {"車両": 2**70}).metadata == {"車両": 2**70}
    assert sdk.set_task_metadata(task.task_id, {}).metadata == {}


def test_unique_id(sdk: Any, sandbox: ScaleSandbox, task: TaskRow) -> None:
    """Set, refused for another task, cleared."""
    other = sandbox.store.add_task()
    assert sdk.update_task_unique_id(task.task_id, "x y/z").unique_id == "x y/z"
    with pytest.raises(ScaleDuplicateResource):
        sdk.update_task_unique_id(other.task_id, "x y/z")
    assert "unique_id" not in sdk.clear_task_unique_id(task.task_id).as_dict()


def test_audit(sdk: Any, sandbox: ScaleSandbox, task: TaskRow) -> None:
    """A completed task takes the SDK's audit, whose plain-text answer the SDK ignores; a pending one refuses."""
    with pytest.raises(ScaleInvalidRequest):
        sdk.audit_task(task.task_id, accepted=True)
    sandbox.store.complete(task.task_id)
    sdk.audit_task(task.task_id, accepted=False, comments="blurry")

    assert sdk.get_task(task.task_id).customer_review_status == "rejected"


def test_multistage_creation(sdk: Any, sandbox: ScaleSandbox) -> None:
    """Creation answers a pending task; the same unique id again raises a duplicate."""
    created = sdk.create_task(TaskType.MultiStage, **MULTISTAGE, unique_id="scene 1", tags=["new"])

    assert (created.status, created.params, created.tags) == ("pending", {}, ["new"])
    assert sandbox.store.get(created.id).record["project"] == "road"
    with pytest.raises(ScaleDuplicateResource, match=created.id):
        sdk.create_task(TaskType.MultiStage, **MULTISTAGE, unique_id="scene 1")


def test_idempotency_key(sdk: Any) -> None:
    """A key in the SDK's headers replays its task and refuses other parameters."""
    sdk.api._headers["Idempotency-Key"] = "sdk-key"
    try:
        first = sdk.create_task(TaskType.MultiStage, **MULTISTAGE)
        again = sdk.create_task(TaskType.MultiStage, **MULTISTAGE)
        with pytest.raises(ScaleDuplicateResource):
            sdk.create_task(TaskType.MultiStage, **MULTISTAGE, priority=30)
    finally:
        del sdk.api._headers["Idempotency-Key"]

    assert first.as_dict() == again.as_dict()


def test_projects_and_batches(sdk: Any, sandbox: ScaleSandbox) -> None:
    """Projects, batches by name, lists and counts are what the SDK reads them as."""
    sandbox.store.add_batch("x/y z", "road")
    sandbox.store.add_task(batch="x/y z", status="error")

    assert {project.name for project in sdk.projects()} == {"road", "a bc/def"}
    assert sdk.get_batch("x/y z").project == "road"
    assert sdk.batch_status("x/y z") == {"status": "in_progress", "error": 1}
    assert {batch.name for batch in sdk.get_batches(project_name="road")} == {"road 1", "x/y z"}
