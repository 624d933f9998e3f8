"""Projects and batches of Scale."""

from collections import Counter

import pytest

from gateway.sandbox.faults import Fault
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

BATCHES = """query($project: String, $first: Int, $after: String) {
  batches(project: $project, first: $first, after: $after) {
    edges { cursor node { name project } } totalCount pageInfo { hasNextPage endCursor hasPreviousPage }
  }
}"""


def newest_first(gateway: World) -> list[str]:
    batches = gateway.sandbox.scale.store.batches.values()
    return [batch["name"] for batch in sorted(batches, key=lambda batch: str(batch["created_at"]), reverse=True)]


@pytest.mark.parametrize("first", [1, 2, 100])
async def test_batches_created_during_the_walk(first: int) -> None:
    """Batches created meanwhile push the others down; those that were there appear once."""
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        for number in range(150):
            store.add_batch(
                f"old {number:03}", "highway-night", created_at=f"2024-01-01T00:{number // 60:02}:{number % 60:02}.000Z"
            )
        expected = newest_first(gateway)
        found: list[str] = []
        after = None
        for number in range(400):
            page = (await gateway.data(BATCHES, first=first, after=after))["batches"]
            found += [edge["node"]["name"] for edge in page["edges"]]
            assert page["totalCount"] == len(store.batches)
            assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            if number < 3:
                gateway.sandbox.scale.clock.advance(60)
                store.add_batch(f"new {number}", "highway-night")

    assert found == expected


async def test_status_counts_when_selected() -> None:
    """The counts of a batch are those of its tasks, one call a batch, none where they are not selected."""
    async with world() as gateway:
        await gateway.data("{ batches { nodes { name } } }")
        assert gateway.calls() == (1, 0)

        data = await gateway.data("{ batches(first: 2) { nodes { name statusCounts { status count } } } }")
        calls = gateway.sandbox.scale.faults.recorder.count(path="/status$")
        rows = list(gateway.sandbox.scale.store.tasks())

    words = {"pending": "PENDING", "completed": "COMPLETED", "canceled": "CANCELED", "error": "FAILED"}
    for batch in data["batches"]["nodes"]:
        held = [words.get(row.record["status"]) for row in rows if row.record.get("batch") == batch["name"]]
        counted = {it["status"]: it["count"] for it in batch["statusCounts"]}
        assert counted == Counter(status for status in held if status)
    assert calls == 2


async def test_a_cursor_goes_with_its_project() -> None:
    """A cursor of one project's batches is refused for another's, and `first` has bounds."""
    async with world() as gateway:
        cursor = (await gateway.data(BATCHES, first=1, project="a bc/def"))["batches"]["pageInfo"]["endCursor"]
        answers = [
            await gateway.answer(BATCHES, first=1, after=cursor),
            await gateway.answer(BATCHES, first=1, project="highway-night", after="nonsense"),
            await gateway.answer(BATCHES, first=101),
            await gateway.answer(BATCHES, project=""),
        ]

    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["BAD_USER_INPUT"] * 4


async def test_projects_of_a_failing_scale() -> None:
    """While Scale fails, projects and batches are null, each with its error."""
    async with world() as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind="status", status=500))
        answer = await gateway.answer("{ projects { name } batches { nodes { name } } }")

    assert answer["data"] == {"projects": None, "batches": None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BACKEND_UNAVAILABLE"}
