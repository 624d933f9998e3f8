"""What a mutation asks of one task, as a value: made once from an input, carried unchanged to the backend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from schema.scalars import JSON
from schema.status import TaskAction

# Scale takes at most so many tags a task.
MAX_TAGS = 5


@dataclass(frozen=True)
class Cancel:
    """Withdraw the task; with `clear_unique_id` its unique id is free for another one."""

    clear_unique_id: bool = False
    action: ClassVar = TaskAction.CANCEL
    argument: ClassVar[str | None] = None


@dataclass(frozen=True)
class SetMetadata:
    """Replace the whole metadata by an object of at most 10 KB and 32 levels."""

    metadata: JSON
    action: ClassVar = TaskAction.SET_METADATA
    argument: ClassVar[str | None] = "metadata"


@dataclass(frozen=True)
class AddTags:
    """Put these behind the tags that are there."""

    tags: tuple[str, ...]
    action: ClassVar = TaskAction.TAG
    argument: ClassVar[str | None] = "tags"

    def merged(self, present: Sequence[str]) -> list[str]:
        """The tags afterwards, each once."""
        return list(dict.fromkeys([*present, *self.tags]))


@dataclass(frozen=True)
class SetTags:
    """These instead of all that are there."""

    tags: tuple[str, ...]
    action: ClassVar = TaskAction.TAG
    argument: ClassVar[str | None] = "tags"


@dataclass(frozen=True)
class RemoveTags:
    """All but these; those that are not there do not matter."""

    tags: tuple[str, ...]
    action: ClassVar = TaskAction.TAG
    argument: ClassVar[str | None] = "tags"


@dataclass(frozen=True)
class SetUniqueId:
    """Give the task this unique id."""

    unique_id: str
    action: ClassVar = TaskAction.SET_UNIQUE_ID
    argument: ClassVar[str | None] = "uniqueId"


@dataclass(frozen=True)
class ClearUniqueId:
    """Take the task's unique id away."""

    action: ClassVar = TaskAction.SET_UNIQUE_ID
    argument: ClassVar[str | None] = None


@dataclass(frozen=True)
class Review:
    """Accept or reject finished work. Sent twice it counts twice."""

    accepted: bool
    comments: str | None = None
    action: ClassVar = TaskAction.REVIEW
    argument: ClassVar[str | None] = None


# `argument` names the input field that holds the value which a backend may refuse; None: there is no such value.
Change: TypeAlias = Cancel | SetMetadata | AddTags | SetTags | RemoveTags | SetUniqueId | ClearUniqueId | Review
