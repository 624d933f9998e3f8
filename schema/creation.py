"""Creating a task: what a client gives, what is asked of the backend, and what comes of it."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

import strawberry

from schema.checks import (
    checked_idempotency_key,
    checked_metadata,
    checked_priority,
    checked_tags,
    checked_text,
)
from schema.errors import bad_input
from schema.references import unique_id
from schema.scalars import JSON, URL

if TYPE_CHECKING:
    from schema.task import Task

T = TypeVar("T")


@strawberry.enum(description="How the scenes of a multistage task are packed.")
class SceneFormat(Enum):
    SENSOR_FUSION = strawberry.enum_value("SENSOR_FUSION", description="One `.sfs` file.")
    SPLIT_BASE64 = strawberry.enum_value("SPLIT_BASE64", description="One `.json` file a frame.")


@dataclass(frozen=True, kw_only=True)
class MultistageCreation:
    """A multistage task to be made; None where nothing was given. Its URLs are not checked yet."""

    project: str | None
    batch: str | None
    attachments: tuple[str, ...]
    scene_format: SceneFormat
    instruction: str | None = None
    callback_url: str | None = None
    task_blueprint_id: str | None = None
    metadata: JSON | None = None
    unique_id: str | None = None
    clear_unique_id_on_error: bool | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()
    idempotency_key: str | None = None


@dataclass(frozen=True)
class CreatedTask:
    """`created` says that the backend answered with a created task, not that it was found to exist already."""

    task: "Task"
    created: bool


@strawberry.input(description="A task for Scale's multistage pipelines.")
class CreateMultistageTaskInput:
    attachments: list[URL] = strawberry.field(
        description="At least one: `https`, `s3`, `gs` or `scaledata` URIs of scenes. Private hosts are refused."
    )
    scene_format: SceneFormat = strawberry.field(description="How the attachments are packed.")
    project: str | None = strawberry.field(
        default=strawberry.UNSET, description="The project's name. `project` or `batch` is needed, or both."
    )
    batch: str | None = strawberry.field(default=strawberry.UNSET, description="The batch's name.")
    instruction: str | None = strawberry.field(
        default=strawberry.UNSET, description="What the workers read, Markdown; the project's own comes after it."
    )
    callback_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="Where Scale reports to: an `https` URL or an e-mail address."
    )
    task_blueprint_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The project's newest active blueprint where none is given."
    )
    metadata: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="Your own data: an object of at most 10 KB and 32 levels."
    )
    unique_id: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Your own id of the task, unique in your account. The surest way never to create a task twice.",
    )
    clear_unique_id_on_error: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether an error at creation frees the unique id."
    )
    priority: int | None = strawberry.field(default=strawberry.UNSET, description="10, 20 or 30; higher goes first.")
    tags: list[str] | None = strawberry.field(default=strawberry.UNSET, description="At most 5, none empty.")
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Sent as `Idempotency-Key`: the same key with the same input makes one task within 24 hours. The "
        "gateway makes one where you give neither a key nor a unique id.",
    )

    def creation(self) -> MultistageCreation:
        """What is asked for. Raises GatewayError BAD_USER_INPUT for what cannot be."""
        project, batch = _text(self.project, "project"), _text(self.batch, "batch")
        if project is None and batch is None:
            raise bad_input("a project or a batch is needed", "input", "project")
        if not self.attachments:
            raise bad_input("at least one attachment is needed", "input", "attachments")
        given_id, key, priority = _given(self.unique_id), _given(self.idempotency_key), _given(self.priority)
        metadata = _given(self.metadata)
        return MultistageCreation(
            project=project,
            batch=batch,
            attachments=tuple(self.attachments),
            scene_format=self.scene_format,
            instruction=_text(self.instruction, "instruction"),
            callback_url=_text(self.callback_url, "callbackUrl"),
            task_blueprint_id=_text(self.task_blueprint_id, "taskBlueprintId"),
            metadata=None if metadata is None else checked_metadata(metadata, "input", "metadata"),
            unique_id=None if given_id is None else unique_id(given_id, "input", "uniqueId"),
            clear_unique_id_on_error=_given(self.clear_unique_id_on_error),
            priority=None if priority is None else checked_priority(priority, "input", "priority"),
            tags=checked_tags(_given(self.tags) or [], "input", "tags"),
            idempotency_key=None if key is None else checked_idempotency_key(key, "input", "idempotencyKey"),
        )


def _given(value: T | None) -> T | None:
    """The value, None where the field was left out or null: Scale takes no null for "nothing given"."""
    return None if value is strawberry.UNSET else value


def _text(value: str | None, name: str) -> str | None:
    given = _given(value)
    return None if given is None else checked_text(given, "input", name)
