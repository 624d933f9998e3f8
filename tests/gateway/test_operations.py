"""The example operations run as they are against a fresh demo."""

from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse

from gateway.operations import ExampleOperation, example_operations
from tests.gateway.world import world

pytestmark = pytest.mark.anyio

EXAMPLES = example_operations()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_runs_without_errors(example: ExampleOperation) -> None:
    """Each example is answered with data in every root field and no error."""
    async with world() as gateway:
        response = await gateway.client.post(
            "/graphql",
            json={"query": example.document, "variables": dict(example.variable_values())},
            headers=dict(example.header_values()),
        )

    answer = response.json()
    assert "errors" not in answer
    assert None not in answer["data"].values()
    assert response.headers["x-request-id"] == example.header_values()["X-Request-Id"]


async def test_each_outcome_of_a_look_up_is_shown() -> None:
    """The example of many look-ups shows tasks of both backends, one that is missing and one that is malformed."""
    example = next(example for example in EXAMPLES if example.name == "3-look-up-many")

    async with world() as gateway:
        data = await gateway.data(example.document, **example.variable_values())

    kinds = [item["__typename"] for item in data["lookupTasks"]]
    assert kinds == ["Task", "Task", "Task", "TaskNotFoundError", "BadInputError"]
    assert {item["backend"] for item in data["lookupTasks"][:3]} == {"SCALE", "ROSETTA"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_is_one_named_operation(example: ExampleOperation) -> None:
    """Each example is one operation with a name: GraphiQL titles the tab with it."""
    (operation,) = parse(example.document).definitions

    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None


def test_one_without_variables_is_refused(tmp_path: Path) -> None:
    """An example that lacks the file of its variables is no silent empty pane."""
    (tmp_path / "1-lonely.graphql").write_text("{ __typename }")

    with pytest.raises(FileNotFoundError):
        example_operations(tmp_path)
