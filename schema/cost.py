"""What each field costs: `@cost` and `@listSize` in the schema's text, and the one table they are written from.

A backend call weighs 10. A field without an entry weighs nothing beyond the objects it returns, one each; a list
without an entry counts as ten items. The gateway refuses operations that cost too much before it asks a backend.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.base import StrawberryObjectDefinition

CALL = 10
UNKNOWN_LIST_SIZE = 10


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="What resolving this field once adds to the cost of an operation, beyond 1 for each object: 10 for "
    "each call to a backend. Where the gateway asks once for each entry of a list argument, `perItemOf` names that "
    "argument and the weight counts once an entry.",
)
class Cost:
    weight: str = strawberry.directive_field(name="weight")
    per_item_of: str | None = strawberry.directive_field(name="perItemOf", default=strawberry.UNSET)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="How many items a list is counted as: the number in, or the length of, the first argument of "
    "`slicingArguments` that is given, else `assumedSize`. With `sizedFields` the size is that of those fields of "
    "the object returned.",
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=strawberry.UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=strawberry.UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=strawberry.UNSET)


@dataclass(frozen=True)
class FieldCost:
    """One field's row. `weight` counts once, or once for each item of the argument `per_item_of`."""

    weight: float = 0
    per_item_of: str | None = None
    assumed_size: int | None = None
    slicing_arguments: tuple[str, ...] = ()
    sized_fields: tuple[str, ...] = ()

    def directives(self) -> Iterable[object]:
        """The row as it stands in the schema's text."""
        if self.weight:
            yield Cost(weight=f"{self.weight:g}", per_item_of=self.per_item_of or strawberry.UNSET)
        if self.assumed_size is not None:
            yield ListSize(
                assumed_size=self.assumed_size,
                slicing_arguments=list(self.slicing_arguments) or strawberry.UNSET,
                sized_fields=list(self.sized_fields) or strawberry.UNSET,
            )


def _each(argument: str, calls: float) -> FieldCost:
    """A list with an outcome for each entry of a list argument."""
    return FieldCost(calls * CALL, per_item_of=argument, assumed_size=100, slicing_arguments=(argument,))


def _page(calls: float, page: int = 50) -> FieldCost:
    """A connection."""
    return FieldCost(calls * CALL, assumed_size=page, slicing_arguments=("first",), sized_fields=("edges", "nodes"))


def _bulk(argument: str, calls: float) -> FieldCost:
    """A payload with a result for each task of a list in the input."""
    return FieldCost(
        calls * CALL, per_item_of=argument, assumed_size=100, slicing_arguments=(argument,), sized_fields=("results",)
    )


_CALL = FieldCost(CALL)
# Look, write, and look again after a refusal.
_WRITE = FieldCost(3 * CALL)

_PAYLOADS = (
    "CancelTaskPayload",
    "SetTaskMetadataPayload",
    "AddTaskTagsPayload",
    "SetTaskTagsPayload",
    "RemoveTaskTagsPayload",
    "SetTaskUniqueIdPayload",
    "ClearTaskUniqueIdPayload",
    "ReviewTaskPayload",
    "CreateMultistageTaskPayload",
    "TaskResult",
)

FIELD_COSTS: Mapping[str, FieldCost] = MappingProxyType(
    {
        "Query.node": _CALL,
        "Query.nodes": _each("ids", 1),
        "Query.task": _CALL,
        "Query.lookupTasks": _each("by", 1),
        "Query.tasks": _page(4),
        "Query.taskCounts": FieldCost(12 * CALL, assumed_size=2),
        "Query.annotationRequest": _CALL,
        "Query.campaign": _CALL,
        "Query.campaigns": FieldCost(CALL, assumed_size=100),
        "Query.projects": FieldCost(CALL, assumed_size=100),
        "Query.batches": _page(1),
        "Query.backends": FieldCost(0, assumed_size=2),
        "Query._entities": _each("representations", 1),
        "Mutation.cancelTask": _WRITE,
        "Mutation.setTaskMetadata": _WRITE,
        "Mutation.addTaskTags": _WRITE,
        "Mutation.setTaskTags": _WRITE,
        "Mutation.removeTaskTags": _WRITE,
        "Mutation.setTaskUniqueId": _WRITE,
        "Mutation.clearTaskUniqueId": _WRITE,
        "Mutation.reviewTask": _WRITE,
        "Mutation.createMultistageTask": _WRITE,
        "Mutation.cancelTasks": _bulk("input.tasks", 3),
        "Mutation.addTagsToTasks": _bulk("input.tasks", 3),
        "Mutation.removeTagsFromTasks": _bulk("input.tasks", 3),
        "Mutation.setMetadataOfTasks": _bulk("input.tasks", 3),
        # One reason at most: what is refused is refused once.
        **{f"{payload}.errors": FieldCost(0, assumed_size=1) for payload in _PAYLOADS},
        "Subscription.taskChanged": FieldCost(CALL, per_item_of="by"),
        "Task.viewUrl": _CALL,
        # Asked for many tasks at once: a call for 50 of them.
        "Task.history": FieldCost(CALL / 50, assumed_size=10),
        "Task.counterparts": FieldCost(CALL / 50, assumed_size=2),
        "Task.annotationRequest": _CALL,
        "AnnotationRequest.tasks": _page(2),
        "AnnotationRequest.statusCounts": FieldCost(CALL, assumed_size=9),
        "AnnotationRequest.deliveredFiles": FieldCost(CALL, assumed_size=100),
        "AnnotationRequest.failedScenes": FieldCost(0, assumed_size=100),
        "Batch.statusCounts": FieldCost(CALL, assumed_size=9),
    }
)


def annotate(schema: strawberry.Schema) -> None:
    """Writes the table's rows onto the fields, for the schema's text. Doing it again changes nothing."""
    name_of = schema.config.name_converter.get_graphql_name
    for concrete in schema.schema_converter.type_map.values():
        definition = concrete.definition
        if isinstance(definition, StrawberryObjectDefinition):
            for field in definition.fields:
                row = FIELD_COSTS.get(f"{definition.name}.{name_of(field)}")
                if row is not None:
                    field.directives = list(row.directives())
