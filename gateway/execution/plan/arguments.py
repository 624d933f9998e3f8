"""Arguments as resolvers take them. Names of tasks, a hundred at once, are most of what clients send."""

from collections.abc import Mapping, Sequence
from typing import Any

from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument, convert_argument, convert_arguments
from strawberry.types.base import StrawberryList

from schema.references import TEXTS, Names, TaskBy


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


def _named(value: Mapping[str, Any], converter: GraphQLCoreConverter) -> tuple[str, str] | TaskBy:
    if len(value) == 1:
        (named,) = value.items()
        if named[0] in TEXTS and named[1].__class__ is str:
            return named
    by: Any = convert_argument(value, TaskBy, converter.scalar_registry, converter.config)
    return by  # type: ignore[no-any-return]  # convert_argument is not typed: it made a TaskBy
