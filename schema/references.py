"""What names one task in one backend, and the ways a client can say it."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, TypeAlias

import strawberry
from strawberry.types import get_object_definition

from schema.backend import Backend
from schema.errors import GatewayError, bad_input
from schema.node import decode_id, encode_id

_TASK = "Task"
_SCALE_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MAX_NAME_BYTES = 255  # campaign and annotation request ids; Rosetta counts bytes, not characters
_MAX_TEXT_BYTES = 2048  # scene ids and unique ids


@strawberry.type(description="What names a task at Scale.")
@dataclass(frozen=True, kw_only=True)
class ScaleTaskReference:
    task_id: strawberry.ID

    # Dataclasses make a tuple for each hash; a list of a hundred tasks is looked up by a few hundred hashes.
    def __hash__(self) -> int:
        return hash(self.task_id)

    def __eq__(self, other: object) -> bool:
        return other.__class__ is ScaleTaskReference and self.task_id == other.task_id

    @property
    def backend(self) -> Backend:
        return Backend.SCALE

    @property
    def key(self) -> "Key":
        return self.task_id


@strawberry.type(
    description="What names a task at Rosetta: a scene of an annotation request of a campaign. None of the "
    "three ids suffices alone."
)
@dataclass(frozen=True, kw_only=True)
class RosettaTaskReference:
    campaign_id: strawberry.ID
    annotation_request_id: strawberry.ID
    scene_id: strawberry.ID

    @property
    def backend(self) -> Backend:
        return Backend.ROSETTA

    @property
    def key(self) -> "Key":
        return self.campaign_id, self.annotation_request_id, self.scene_id


def _describe(reference_type: type, **descriptions: str) -> None:
    """Describes the fields of a frozen type: strawberry.field() does not survive the inner dataclass."""
    for field in get_object_definition(reference_type, strict=True).fields:
        field.description = descriptions[field.python_name]


_describe(ScaleTaskReference, task_id="Scale's task id.")
_describe(
    RosettaTaskReference,
    campaign_id="The campaign's id, chosen by you.",
    annotation_request_id="The annotation request's id, chosen by you.",
    scene_id="The scene's id, chosen by you.",
)

TaskReference = Annotated[
    RosettaTaskReference | ScaleTaskReference,
    strawberry.union("TaskReference", description="What names a task in its backend."),
]
Reference: TypeAlias = RosettaTaskReference | ScaleTaskReference


@dataclass(frozen=True)
class ScaleUniqueId:
    """Names a Scale task by the customer's own unique id; becomes a reference once Scale was asked."""

    text: str

    @property
    def backend(self) -> Backend:
        return Backend.SCALE

    @property
    def key(self) -> "Key":
        return key_of_unique_id(self.text)


Selector: TypeAlias = Reference | ScaleUniqueId

# What maps know a selector by, no two alike: hashed and compared without any Python code.
Key: TypeAlias = str | tuple[str, ...]


def key_of_unique_id(text: str) -> Key:
    """The key of the selector that names a task by this unique id."""
    return "unique id", text


class Selectors(tuple[Selector, ...]):
    """Selectors that are asked for again and again: what they are looked up by is found once."""

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        return tuple(selector.key for selector in self)

    @cached_property
    def has_unique_ids(self) -> bool:
        return any(isinstance(selector, ScaleUniqueId) for selector in self)


class Names(list["TaskBy"]):
    """A list of names that comes again and again: what it names is found once."""

    selectors: Selectors | None = None


@strawberry.input(description="A Rosetta task by the three ids that name it. None of them suffices alone.")
class RosettaTaskBy:
    campaign_id: strawberry.ID = strawberry.field(description="The id you gave the campaign: 1 to 255 bytes of UTF-8.")
    annotation_request_id: strawberry.ID = strawberry.field(
        description="The id you gave the annotation request: 1 to 255 bytes of UTF-8."
    )
    scene_id: strawberry.ID = strawberry.field(
        description="The id you gave the scene: 1 to 2048 bytes of UTF-8, slashes and spaces included."
    )


@strawberry.input(
    one_of=True,
    description="Names a task: exactly one field. Anything that cannot be an id is BAD_USER_INPUT, and "
    "nothing is sent.",
)
class TaskBy:
    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The task's global id, from its field `id`.")
    scale_task_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="Scale's task id: 1 to 128 letters, digits, _ and -."
    )
    scale_unique_id: strawberry.Maybe[str] = strawberry.field(
        description="The unique id you gave a Scale task: 1 to 2048 bytes of UTF-8."
    )
    rosetta: strawberry.Maybe[RosettaTaskBy] = strawberry.field(
        description="Names a Rosetta task by campaign, annotation request and scene."
    )


def to_selector(by: TaskBy, *path: str) -> Selector:
    """What `by` names. Raises GatewayError BAD_USER_INPUT, naming the field below `path`, when it names nothing."""
    # Equal inputs of many requests are one object (gateway/execution/plan): what it names is found once.
    known: Selector | None = vars(by).get("_selector")
    if known is None:
        known = vars(by)["_selector"] = _selector(by, *path)
    return known


def to_selectors(by: "Sequence[TaskBy]") -> Selectors:
    """What each of `by` names. Raises GatewayError BAD_USER_INPUT for the first that names nothing."""
    known = by.selectors if isinstance(by, Names) else None
    if known is None:
        known = Selectors([to_selector(item) for item in by])
        if isinstance(by, Names):
            by.selectors = known
    return known


def _selector(by: TaskBy, *path: str) -> Selector:
    if by.id is not None:
        return reference_of_id(by.id.value, *path, "id")
    if by.scale_task_id is not None:
        return scale_reference(by.scale_task_id.value, *path, "scaleTaskId")
    if by.scale_unique_id is not None:
        return ScaleUniqueId(customer_text(by.scale_unique_id.value, _MAX_TEXT_BYTES, *path, "scaleUniqueId"))
    if by.rosetta is not None:
        parts = by.rosetta.value
        return rosetta_reference(parts.campaign_id, parts.annotation_request_id, parts.scene_id, *path, "rosetta")
    raise bad_input("exactly one of id, scaleTaskId, scaleUniqueId and rosetta is needed", *path)


def scale_reference(task_id: str, *path: str) -> ScaleTaskReference:
    """The reference of a Scale task id. Raises GatewayError BAD_USER_INPUT for one that cannot be."""
    if not _SCALE_TASK_ID.fullmatch(task_id):
        raise bad_input("a Scale task id is 1 to 128 letters, digits, _ and -", *path)
    return ScaleTaskReference(task_id=strawberry.ID(task_id))


def rosetta_reference(campaign_id: str, request_id: str, scene_id: str, *path: str) -> RosettaTaskReference:
    """The reference of a scene. Raises GatewayError BAD_USER_INPUT, naming the id that cannot be."""
    return RosettaTaskReference(
        campaign_id=strawberry.ID(customer_text(campaign_id, _MAX_NAME_BYTES, *path, "campaignId")),
        annotation_request_id=annotation_request_id(request_id, *path, "annotationRequestId"),
        scene_id=strawberry.ID(customer_text(scene_id, _MAX_TEXT_BYTES, *path, "sceneId")),
    )


def annotation_request_id(value: str, *path: str) -> strawberry.ID:
    """The id itself. Raises GatewayError BAD_USER_INPUT for one that cannot be."""
    return strawberry.ID(customer_text(value, _MAX_NAME_BYTES, *path))


def unique_id(value: str, *path: str) -> str:
    """The unique id itself. Raises GatewayError BAD_USER_INPUT for one that cannot be."""
    return customer_text(value, _MAX_TEXT_BYTES, *path)


def customer_text(value: str, max_bytes: int, *path: str) -> str:
    """`value` itself: the customer's own text, slashes and spaces included.

    Raises GatewayError BAD_USER_INPUT when it is empty, over `max_bytes` of UTF-8, or holds control characters or
    lone surrogates.
    """
    name = path[-1] if path else "an id"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise bad_input(f"{name} holds a lone surrogate, which is no text", *path) from None
    if not 1 <= size <= max_bytes:
        raise bad_input(f"{name} has {size} bytes; it takes 1 to {max_bytes} bytes of UTF-8", *path)
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise bad_input(f"{name} holds a control character", *path)
    return value


def global_id(reference: Reference) -> strawberry.ID:
    """The opaque id of the task that `reference` names."""
    if isinstance(reference, ScaleTaskReference):
        return encode_id(_TASK, Backend.SCALE.name, reference.task_id)
    return encode_id(
        _TASK,
        Backend.ROSETTA.name,
        reference.campaign_id,
        reference.annotation_request_id,
        reference.scene_id,
    )


def reference_of_id(value: str, *path: str) -> Reference:
    """The reference in a task's global id. Raises GatewayError BAD_USER_INPUT for anything else."""
    try:
        reference = task_reference(decode_id(value))
    except GatewayError as error:
        raise bad_input(error.message, *path) from None
    if reference is None:
        raise bad_input("this id names something else than a task", *path)
    return reference


def task_reference(parts: tuple[str, ...]) -> Reference | None:
    """The reference in a decoded global id, None for an id of another type.

    Raises GatewayError BAD_USER_INPUT for a task id with parts that cannot be.
    """
    match parts:
        case ("Task", "SCALE", task_id):
            return scale_reference(task_id, "id")
        case ("Task", "ROSETTA", campaign, request, scene):
            return rosetta_reference(campaign, request, scene, "id")
        case _:
            return None
