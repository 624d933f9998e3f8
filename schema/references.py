"""What names one task in one backend, and the ways a client can say it."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import Annotated, TypeAlias, overload

import strawberry
from strawberry import Some
from strawberry.types import get_object_definition

from schema.backend import Backend
from schema.errors import GatewayError, bad_input
from schema.node import decode_id, encode_id

_TASK = "Task"
_SCALE_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MAX_NAME_BYTES = 255  # campaign and annotation request ids; Rosetta counts bytes, not characters
_MAX_TEXT_BYTES = 2048  # scene ids and unique ids


@strawberry.type(description="What names a task at Scale.")
@dataclass(frozen=True, kw_only=True, slots=True)
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


_KEY = attrgetter("key")


class Selectors(tuple[Selector, ...]):
    """Selectors that are asked for again and again: what they are looked up by is found once."""

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        return tuple(map(_KEY, self))

    @cached_property
    def has_unique_ids(self) -> bool:
        return ScaleUniqueId in set(map(type, self))


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
    return by.selectors if isinstance(by, Names) else Selectors([to_selector(item) for item in by])


class Names(Sequence[TaskBy]):
    """Names of tasks that come by the hundred, and some again and again: what they name is found once.

    Each is a TaskBy, or one of TEXTS and the text in it: most are, and need not be made into a TaskBy.
    """

    def __init__(self, items: "Sequence[tuple[str, str] | TaskBy]") -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> TaskBy: ...
    @overload
    def __getitem__(self, index: slice) -> "Names": ...
    def __getitem__(self, index: int | slice) -> "TaskBy | Names":
        if isinstance(index, slice):
            return Names(self._items[index])
        item = self._items[index]
        return _by_text(*item) if isinstance(item, tuple) else item

    @cached_property
    def selectors(self) -> Selectors:
        """What they name. Raises GatewayError BAD_USER_INPUT for the first that names nothing."""
        return Selectors(
            [TEXTS[item[0]](item[1]) if isinstance(item, tuple) else to_selector(item) for item in self._items]
        )


def _by_text(field: str, text: str) -> TaskBy:
    python_name = {"id": "id", "scaleTaskId": "scale_task_id", "scaleUniqueId": "scale_unique_id"}[field]
    # Strawberry gives the fields that are not named their defaults, of which the type checker does not know.
    return TaskBy(**{python_name: Some(text)})  # type: ignore[arg-type]


def _selector(by: TaskBy, *path: str) -> Selector:
    if by.id is not None:
        return reference_of_id(by.id.value, *path, "id")
    if by.scale_task_id is not None:
        return scale_reference(by.scale_task_id.value, *path, "scaleTaskId")
    if by.scale_unique_id is not None:
        return scale_unique_id(by.scale_unique_id.value, *path, "scaleUniqueId")
    if by.rosetta is not None:
        parts = by.rosetta.value
        return rosetta_reference(parts.campaign_id, parts.annotation_request_id, parts.scene_id, *path, "rosetta")
    raise bad_input("exactly one of id, scaleTaskId, scaleUniqueId and rosetta is needed", *path)


def scale_reference(task_id: str, *path: str) -> ScaleTaskReference:
    """The reference of a Scale task id. Raises GatewayError BAD_USER_INPUT for one that cannot be."""
    if not _SCALE_TASK_ID.fullmatch(task_id):
        raise bad_input("a Scale task id is 1 to 128 letters, digits, _ and -", *path)
    return ScaleTaskReference(task_id=strawberry.ID(task_id))


def scale_unique_id(text: str, *path: str) -> ScaleUniqueId:
    """The selector of a unique id. Raises GatewayError BAD_USER_INPUT for one that cannot be."""
    return ScaleUniqueId(customer_text(text, _MAX_TEXT_BYTES, *path))


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


# The fields of TaskBy that hold a text, and what the text names.
TEXTS: Mapping[str, Callable[[str], Selector]] = MappingProxyType(
    {"id": reference_of_id, "scaleTaskId": scale_reference, "scaleUniqueId": scale_unique_id}
)
