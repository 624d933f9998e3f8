"""The inputs of mutations on tasks that exist: each makes the change it asks for, or names what cannot be."""

import strawberry

from schema.changes import AddTags, Cancel, ClearUniqueId, RemoveTags, Review, SetMetadata, SetTags, SetUniqueId
from schema.checks import checked_metadata, checked_tags, checked_text
from schema.references import TaskBy, unique_id
from schema.scalars import JSON

_TASK = "Names the task."
_TASKS = "At most 100 names of tasks. One named twice is changed once."
_CLEAR = "Whether the task's unique id becomes free for another task."
_METADATA = "An object of at most 10 KB and 32 levels. It replaces all that was there."


@strawberry.input(description="A task to withdraw.")
class CancelTaskInput:
    task: TaskBy = strawberry.field(description=_TASK)
    clear_unique_id: bool = strawberry.field(default=False, description=_CLEAR)

    def change(self) -> Cancel:
        return Cancel(self.clear_unique_id)


@strawberry.input(description="A task and its new metadata.")
class SetTaskMetadataInput:
    task: TaskBy = strawberry.field(description=_TASK)
    metadata: JSON = strawberry.field(description=_METADATA)

    def change(self) -> SetMetadata:
        return SetMetadata(checked_metadata(self.metadata, "input", "metadata"))


@strawberry.input(description="A task and tags to put beside those it has.")
class AddTaskTagsInput:
    task: TaskBy = strawberry.field(description=_TASK)
    tags: list[str] = strawberry.field(description="None empty. With those already there at most 5.")

    def change(self) -> AddTags:
        return AddTags(checked_tags(self.tags, "input", "tags"))


@strawberry.input(description="A task and the tags it shall have, instead of all others.")
class SetTaskTagsInput:
    task: TaskBy = strawberry.field(description=_TASK)
    tags: list[str] = strawberry.field(description="At most 5, none empty. An empty list takes all tags away.")

    def change(self) -> SetTags:
        return SetTags(checked_tags(self.tags, "input", "tags"))


@strawberry.input(description="A task and tags to take away.")
class RemoveTaskTagsInput:
    task: TaskBy = strawberry.field(description=_TASK)
    tags: list[str] = strawberry.field(description="None empty. Those that the task does not have do not matter.")

    def change(self) -> RemoveTags:
        return RemoveTags(checked_tags(self.tags, "input", "tags", most=None))


@strawberry.input(description="A task and its new unique id.")
class SetTaskUniqueIdInput:
    task: TaskBy = strawberry.field(description=_TASK)
    unique_id: str = strawberry.field(description="1 to 2048 bytes of UTF-8, unique in your account.")

    def change(self) -> SetUniqueId:
        return SetUniqueId(unique_id(self.unique_id, "input", "uniqueId"))


@strawberry.input(description="A task whose unique id shall be free again.")
class ClearTaskUniqueIdInput:
    task: TaskBy = strawberry.field(description=_TASK)

    def change(self) -> ClearUniqueId:
        return ClearUniqueId()


@strawberry.input(description="A completed task and your verdict on it.")
class ReviewTaskInput:
    task: TaskBy = strawberry.field(description=_TASK)
    accepted: bool = strawberry.field(description="True accepts the work, false rejects it.")
    comments: str | None = strawberry.field(default=strawberry.UNSET, description="What the workers should know.")

    def change(self) -> Review:
        # Null, left out and empty all say nothing.
        comments = self.comments or None
        return Review(self.accepted, None if comments is None else checked_text(comments, "input", "comments"))


@strawberry.input(description="Tasks to withdraw.")
class CancelTasksInput:
    tasks: list[TaskBy] = strawberry.field(description=_TASKS)
    clear_unique_id: bool = strawberry.field(default=False, description=_CLEAR)

    def change(self) -> Cancel:
        return Cancel(self.clear_unique_id)


@strawberry.input(description="Tasks, and tags to put beside those that each of them has.")
class AddTagsToTasksInput:
    tasks: list[TaskBy] = strawberry.field(description=_TASKS)
    tags: list[str] = strawberry.field(description="None empty. With those already there at most 5 a task.")

    def change(self) -> AddTags:
        return AddTags(checked_tags(self.tags, "input", "tags"))


@strawberry.input(description="Tasks, and tags to take away from each of them.")
class RemoveTagsFromTasksInput:
    tasks: list[TaskBy] = strawberry.field(description=_TASKS)
    tags: list[str] = strawberry.field(description="None empty. Those that a task does not have do not matter.")

    def change(self) -> RemoveTags:
        return RemoveTags(checked_tags(self.tags, "input", "tags", most=None))


@strawberry.input(description="Tasks, and the metadata that each of them shall have.")
class SetMetadataOfTasksInput:
    tasks: list[TaskBy] = strawberry.field(description=_TASKS)
    metadata: JSON = strawberry.field(description=_METADATA)

    def change(self) -> SetMetadata:
        return SetMetadata(checked_metadata(self.metadata, "input", "metadata"))
