"""Names of tasks are converted as Strawberry converts them."""

from typing import Any

import pytest
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from gateway.execution.plan.arguments import converted
from schema import build_schema
from schema.references import Names, to_selectors

SCHEMA = build_schema()
# A schema without queries would have none.
FIELD = SCHEMA._schema.query_type.fields["lookupTasks"].extensions["strawberry-definition"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "by",
    [
        [],
        [{"scaleTaskId": "a"}, {"id": "WyJUYXNrIiwiU0NBTEUiLCJhIl0"}, {"scaleUniqueId": "車"}],
        [{"rosetta": {"campaignId": "c", "annotationRequestId": "r", "sceneId": "s"}}, {"scaleTaskId": "a"}],
    ],
)
def test_as_strawberry(by: list[dict[str, Any]]) -> None:
    """The same inputs, field by field, in the same order; and the same selectors, found once."""
    assert isinstance(FIELD, StrawberryField)
    converter = SCHEMA.schema_converter
    wanted = convert_arguments({"by": by}, FIELD.arguments, converter.scalar_registry, converter.config)

    ours = converted({"by": by}, FIELD.arguments, converter)

    assert isinstance(ours["by"], Names)
    assert [vars(item) for item in ours["by"]] == [vars(item) for item in wanted["by"]]
    assert to_selectors(ours["by"]) == to_selectors(wanted["by"])
    assert to_selectors(ours["by"]) is to_selectors(ours["by"])
