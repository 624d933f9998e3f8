"""Mutation: what can be changed. A field is null only where the whole request was refused; see `errors` inside."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import strawberry

from schema.changes import Change
from schema.context import Info
from schema.creation import CreateMultistageTaskInput
from schema.errors import GatewayError, bad_input, task_error
from schema.inputs import (
    AddTagsToTasksInput,
    AddTaskTagsInput,
    CancelTaskInput,
    CancelTasksInput,
    ClearTaskUniqueIdInput,
    RemoveTagsFromTasksInput,
    RemoveTaskTagsInput,
    ReviewTaskInput,
    SetMetadataOfTasksInput,
    SetTaskMetadataInput,
    SetTaskTagsInput,
    SetTaskUniqueIdInput,
)
from schema.payloads import (
    AddTagsToTasksPayload,
    AddTaskTagsPayload,
    CancelTaskPayload,
    CancelTasksPayload,
    ClearTaskUniqueIdPayload,
    CreateMultistageTaskPayload,
    RemoveTagsFromTasksPayload,
    RemoveTaskTagsPayload,
    ReviewTaskPayload,
    SetMetadataOfTasksPayload,
    SetTaskMetadataPayload,
    SetTaskTagsPayload,
    SetTaskUniqueIdPayload,
    TaskResult,
)
from schema.references import Selector, TaskBy, to_selector
from schema.task import Task

MAX_BULK = 100

Payload = TypeVar(
    "Payload",
    CancelTaskPayload,
    SetTaskMetadataPayload,
    AddTaskTagsPayload,
    SetTaskTagsPayload,
    RemoveTaskTagsPayload,
    SetTaskUniqueIdPayload,
    ClearTaskUniqueIdPayload,
    ReviewTaskPayload,
)

_INPUT = strawberry.argument(description="What to do, and to which task.")
_BULK_INPUT = strawberry.argument(description="What to do, and to which tasks.")


@strawberry.type(
    description="Mutations of one document run one after the other. Only Scale has them: for a Rosetta task each "
    "answers ActionNotSupportedError and sends nothing."
)
class Mutation:
    @strawberry.mutation(
        description="Withdraws a task. Scale refuses it once work has started, which PENDING does not show. A task "
        "that is canceled already is a success."
    )
    async def cancel_task(self, info: Info, input: Annotated[CancelTaskInput, _INPUT]) -> CancelTaskPayload | None:
        return await _changed(info, CancelTaskPayload, input.task, input.change)

    @strawberry.mutation(description="Replaces a task's metadata as a whole, whatever its status.")
    async def set_task_metadata(
        self, info: Info, input: Annotated[SetTaskMetadataInput, _INPUT]
    ) -> SetTaskMetadataPayload | None:
        return await _changed(info, SetTaskMetadataPayload, input.task, input.change)

    @strawberry.mutation(description="Adds tags to those a task has. Tags it has already do not matter.")
    async def add_task_tags(self, info: Info, input: Annotated[AddTaskTagsInput, _INPUT]) -> AddTaskTagsPayload | None:
        return await _changed(info, AddTaskTagsPayload, input.task, input.change)

    @strawberry.mutation(description="Gives a task these tags instead of all others.")
    async def set_task_tags(self, info: Info, input: Annotated[SetTaskTagsInput, _INPUT]) -> SetTaskTagsPayload | None:
        return await _changed(info, SetTaskTagsPayload, input.task, input.change)

    @strawberry.mutation(description="Takes tags away from a task.")
    async def remove_task_tags(
        self, info: Info, input: Annotated[RemoveTaskTagsInput, _INPUT]
    ) -> RemoveTaskTagsPayload | None:
        return await _changed(info, RemoveTaskTagsPayload, input.task, input.change)

    @strawberry.mutation(description="Gives a task a unique id. One that another task has is UniqueIdConflictError.")
    async def set_task_unique_id(
        self, info: Info, input: Annotated[SetTaskUniqueIdInput, _INPUT]
    ) -> SetTaskUniqueIdPayload | None:
        return await _changed(info, SetTaskUniqueIdPayload, input.task, input.change)

    @strawberry.mutation(description="Takes a task's unique id away. A task without one is a success.")
    async def clear_task_unique_id(
        self, info: Info, input: Annotated[ClearTaskUniqueIdInput, _INPUT]
    ) -> ClearTaskUniqueIdPayload | None:
        return await _changed(info, ClearTaskUniqueIdPayload, input.task, input.change)

    @strawberry.mutation(
        description="Accepts or rejects a completed task. It is sent once only: where its answer is lost and the task "
        "does not show the verdict, the answer is OUTCOME_UNKNOWN."
    )
    async def review_task(self, info: Info, input: Annotated[ReviewTaskInput, _INPUT]) -> ReviewTaskPayload | None:
        return await _changed(info, ReviewTaskPayload, input.task, input.change)

    @strawberry.mutation(
        description="Creates a multistage task, once: with a unique id, or with an idempotency key of yours or of the "
        "gateway's. Answers that get lost are never paid for with a second task."
    )
    async def create_multistage_task(
        self,
        info: Info,
        input: Annotated[
            CreateMultistageTaskInput,
            strawberry.argument(description="What to create, and under which key or unique id."),
        ],
    ) -> CreateMultistageTaskPayload | None:
        try:
            created = await info.context.writes.create(input.creation())
        except GatewayError as error:
            return CreateMultistageTaskPayload(
                task=None, created=False, errors=[task_error(error, info.context.request_id)]
            )
        info.context.tasks.prime(created.task)
        return CreateMultistageTaskPayload(task=created.task, created=created.created, errors=[])

    @strawberry.mutation(description="Withdraws at most 100 tasks, each with its own outcome.")
    async def cancel_tasks(
        self, info: Info, input: Annotated[CancelTasksInput, _BULK_INPUT]
    ) -> CancelTasksPayload | None:
        return CancelTasksPayload(results=await _all_changed(info, input.tasks, input.change))

    @strawberry.mutation(description="Adds tags to at most 100 tasks, each with its own outcome.")
    async def add_tags_to_tasks(
        self, info: Info, input: Annotated[AddTagsToTasksInput, _BULK_INPUT]
    ) -> AddTagsToTasksPayload | None:
        return AddTagsToTasksPayload(results=await _all_changed(info, input.tasks, input.change))

    @strawberry.mutation(description="Takes tags away from at most 100 tasks, each with its own outcome.")
    async def remove_tags_from_tasks(
        self, info: Info, input: Annotated[RemoveTagsFromTasksInput, _BULK_INPUT]
    ) -> RemoveTagsFromTasksPayload | None:
        return RemoveTagsFromTasksPayload(results=await _all_changed(info, input.tasks, input.change))

    @strawberry.mutation(description="Replaces the metadata of at most 100 tasks, each with its own outcome.")
    async def set_metadata_of_tasks(
        self, info: Info, input: Annotated[SetMetadataOfTasksInput, _BULK_INPUT]
    ) -> SetMetadataOfTasksPayload | None:
        return SetMetadataOfTasksPayload(results=await _all_changed(info, input.tasks, input.change))


async def _changed(info: Info, payload: type[Payload], by: TaskBy, change: Callable[[], Change]) -> Payload:
    try:
        task = await info.context.writes.write(to_selector(by, "input", "task"), change())
    except GatewayError as error:
        return payload(task=None, errors=[task_error(error, info.context.request_id)])
    info.context.tasks.prime(task)
    return payload(task=task, errors=[])


async def _all_changed(info: Info, by: Sequence[TaskBy], change: Callable[[], Change]) -> list[TaskResult]:
    if len(by) > MAX_BULK:
        raise bad_input(f"tasks takes at most {MAX_BULK} entries, not {len(by)}", "input", "tasks")
    named = [_named(item, index) for index, item in enumerate(by)]
    try:
        outcomes = await info.context.writes.write_all(named, change())
    except GatewayError as error:
        # What is wrong with the change is wrong for each task.
        outcomes = [item if isinstance(item, GatewayError) else error for item in named]
    return [_result(info, outcome) for outcome in outcomes]


def _named(by: TaskBy, index: int) -> Selector | GatewayError:
    try:
        return to_selector(by, "input", "tasks", str(index))
    except GatewayError as error:
        return error


def _result(info: Info, outcome: Task | GatewayError) -> TaskResult:
    if isinstance(outcome, GatewayError):
        return TaskResult(task=None, errors=[task_error(outcome, info.context.request_id)])
    info.context.tasks.prime(outcome)
    return TaskResult(task=outcome, errors=[])
