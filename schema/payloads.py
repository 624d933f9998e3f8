"""What mutations answer: the task as it now stands, or why not."""

import strawberry

from schema.errors import TaskError
from schema.task import Task


@strawberry.type
class _TaskPayload:
    task: Task | None = strawberry.field(description="The task as it now stands; null where `errors` says why.")
    errors: list[TaskError] = strawberry.field(
        description="Why it was not done; empty where it was. Here and not in the answer's own `errors`, which "
        "concern the request."
    )


@strawberry.type(description="What cancelling led to: the task, or a typed reason.")
class CancelTaskPayload(_TaskPayload):
    pass


@strawberry.type(description="What replacing the metadata led to.")
class SetTaskMetadataPayload(_TaskPayload):
    pass


@strawberry.type(description="What adding tags led to.")
class AddTaskTagsPayload(_TaskPayload):
    pass


@strawberry.type(description="What replacing the tags led to.")
class SetTaskTagsPayload(_TaskPayload):
    pass


@strawberry.type(description="What removing tags led to.")
class RemoveTaskTagsPayload(_TaskPayload):
    pass


@strawberry.type(description="What setting the unique id led to.")
class SetTaskUniqueIdPayload(_TaskPayload):
    pass


@strawberry.type(description="What clearing the unique id led to.")
class ClearTaskUniqueIdPayload(_TaskPayload):
    pass


@strawberry.type(description="What the review led to.")
class ReviewTaskPayload(_TaskPayload):
    pass


@strawberry.type(description="What the creation led to.")
class CreateMultistageTaskPayload(_TaskPayload):
    created: bool = strawberry.field(
        description="True where the backend answered with a created task. False where the same creation had already "
        "gone through, its answer being lost, and where `errors` says why there is none."
    )


@strawberry.type(description="One task's outcome in a bulk mutation: the task, or a typed reason.")
class TaskResult(_TaskPayload):
    pass


@strawberry.type
class _BulkPayload:
    results: list[TaskResult] = strawberry.field(
        description="One outcome for each task of the input, in the same order; one failure never stops the rest."
    )


@strawberry.type(description="What cancelling led to, task by task.")
class CancelTasksPayload(_BulkPayload):
    pass


@strawberry.type(description="What adding tags led to, task by task.")
class AddTagsToTasksPayload(_BulkPayload):
    pass


@strawberry.type(description="What removing tags led to, task by task.")
class RemoveTagsFromTasksPayload(_BulkPayload):
    pass


@strawberry.type(description="What replacing the metadata led to, task by task.")
class SetMetadataOfTasksPayload(_BulkPayload):
    pass
