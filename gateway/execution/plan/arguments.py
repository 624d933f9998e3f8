"""Arguments as resolvers take them. Names of tasks, a hundred at once, are most of what clients send."""

from collections.abc import Mapping, Sequence
from typing import Any

from strawberry import Some
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument, convert_argument, convert_arguments
from strawberry.types.base import StrawberryList

from schema.references import Names, TaskBy

# The fields of TaskBy that hold a text, and how they are called in Python.
_TEXTS: Mapping[str, str] = {"id": "id", "scaleTaskId": "scale_task_id", "scaleUniqueId": "scale_unique_id"}


def converted(
    given: Mapping[str, Any], arguments: Sequence[StrawberryArgument], converter: GraphQLCoreConverter
) -> dict[str, Any]:
    """What Strawberry makes of the values that graphql-core coerced. Raises what Strawberry raises.

    Strawberry looks every name and type up again for each item of a list: names of tasks are converted here.
    """
    names = {
        name: argument.python_name
        for argument in arguments
        if (name := converter.config.name_converter.from_argument(argument)) in given
        and _takes_names(argument)
        and given[name].__class__ is list
    }
    found: dict[str, Any] = convert_arguments(
        {name: value for name, value in given.items() if name not in names},
        list(arguments),
        scalar_registry=converter.scalar_registry,
        config=converter.config,
    )
    for name, python_name in names.items():
        found[python_name] = Names([_named(item, converter) for item in given[name]])
    return found


def _takes_names(argument: StrawberryArgument) -> bool:
    return isinstance(argument.type, StrawberryList) and argument.type.of_type is TaskBy


def _named(value: Mapping[str, Any], converter: GraphQLCoreConverter) -> TaskBy:
    if len(value) == 1:
        ((name, text),) = value.items()
        if name in _TEXTS and text.__class__ is str:
            return TaskBy(**{_TEXTS[name]: Some(text)})  # type: ignore[arg-type]
    named: Any = convert_argument(value, TaskBy, converter.scalar_registry, converter.config)
    return named  # type: ignore[no-any-return]
