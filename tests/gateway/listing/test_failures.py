"""What a list says when a backend cannot answer."""

import asyncio

import pytest

from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta.seed import BULK_REQUEST
from tests.gateway.listing.walking import names, page, scale_ids, walk
from tests.gateway.world import world
from tests.gateway.writing.account import SmallSandbox

pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

BULK = {"annotationRequestIdIn": [BULK_REQUEST]}


async def test_rosetta_hangs() -> None:
    """While Rosetta hangs the page comes from Scale by Rosetta's TIMEOUT_S and 100 ms; later its tasks come too."""
    async with world(GATEWAY_ROSETTA__TIMEOUT_S="1") as gateway:
        gateway.sandbox.rosetta.faults.add(Fault(kind="hang"))
        started = asyncio.get_running_loop().time()
        found = await page(gateway, BULK, 100)
        seconds = asyncio.get_running_loop().time() - started
        gateway.sandbox.rosetta.faults.clear()
        rest = [edge["node"] for edge in found["edges"]]
        after = found["pageInfo"]["endCursor"]
        while after is not None:
            following = await page(gateway, BULK, 100, after)
            rest += [edge["node"] for edge in following["edges"]]
            after = following["pageInfo"]["endCursor"] if following["pageInfo"]["hasNextPage"] else None

    (failure,) = found["failures"]
    assert (failure["backend"], failure["code"], failure["retryable"]) == ("ROSETTA", "BACKEND_TIMEOUT", True)
    assert names([edge["node"] for edge in found["edges"]]) == scale_ids(gateway)[:100]
    assert len(rest) == len(set(names(rest))) == 800 + len(scale_ids(gateway))
    assert 1 <= seconds < 1.1


async def test_a_slow_rosetta_fills_the_page() -> None:
    """A Rosetta that is slow but there still comes first; what was asked of Scale meanwhile changes nothing."""
    async with world(GATEWAY_ROSETTA__TIMEOUT_S="5") as gateway:
        gateway.sandbox.rosetta.faults.add(Fault(kind="slow", seconds=0.7, times=1))
        found = await page(gateway, BULK, 100)
        following = await walk(gateway, BULK)

    assert found["failures"] == []
    assert names([edge["node"] for edge in found["edges"]]) == names(following)[:100]
    assert {edge["node"]["backend"] for edge in found["edges"]} == {"ROSETTA"}


async def test_all_down() -> None:
    """With both down the page is empty, says so for each, and can be asked for again."""
    async with world() as gateway:
        for sandbox in (gateway.sandbox.rosetta, gateway.sandbox.scale):
            sandbox.faults.add(Fault(kind="drop"))
        found = await page(gateway, BULK, 10)
        for sandbox in (gateway.sandbox.rosetta, gateway.sandbox.scale):
            sandbox.faults.clear()
        following = await page(gateway, BULK, 10, found["pageInfo"]["endCursor"])

    assert found["edges"] == []
    assert [failure["backend"] for failure in found["failures"]] == ["ROSETTA", "SCALE"]
    assert found["pageInfo"]["hasNextPage"]
    assert len(following["edges"]) == 10


@pytest.mark.parametrize(
    ("filter", "said"),
    [
        (None, "annotationRequestIdIn"),
        ({**BULK, "project": "highway-night"}, "project"),
        ({**BULK, "createdAt": {"gte": "2020-01-01T00:00:00Z"}, "tag": "night"}, "tag, createdAt"),
    ],
)
async def test_not_rosettas_filter(filter: object, said: str) -> None:
    """A filter that Rosetta cannot answer leaves it out and says so; nothing is sent to it."""
    async with world() as gateway:
        found = await page(gateway, filter, 100)
        _, rosetta_calls = gateway.calls()

    (failure,) = found["failures"]
    assert (failure["backend"], failure["code"]) == ("ROSETTA", "NOT_SUPPORTED")
    assert said in failure["message"]
    assert rosetta_calls == 0
    assert {edge["node"]["backend"] for edge in found["edges"]} == {"SCALE"}


async def test_not_configured() -> None:
    """A backend without credentials is named, and the walk ends."""
    async with world(GATEWAY_SCALE__API_KEY="") as gateway:
        found = await page(gateway, {"annotationRequestIdIn": ["urban-driving-2025-week-12"]}, 100)

    assert [failure["code"] for failure in found["failures"]] == ["BACKEND_NOT_CONFIGURED"]
    assert len(found["edges"]) == 25
    assert not found["pageInfo"]["hasNextPage"]


async def test_a_record_without_status() -> None:
    """A record that cannot be used is left out and told; the page stands and the walk goes on."""
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        victim = scale_ids(gateway)[3]
        store.patch(victim, status=None)
        found = await page(gateway, {"backendIn": ["SCALE"]}, 10)

    assert [failure["code"] for failure in found["failures"]] == ["BACKEND_BAD_RESPONSE"]
    assert names([edge["node"] for edge in found["edges"]]) == [it for it in scale_ids(gateway) if it != victim][:10]


@pytest.mark.parametrize("levels", [90, 120, 300, 700])
async def test_a_record_that_nests_deeply(levels: int) -> None:
    """Metadata deeper than 100 levels is none, whatever is asked for: its task and all others are answered."""
    metadata: dict[str, object] = {}
    for _ in range(levels):
        metadata = {"a": metadata}
    sandbox = SmallSandbox()
    sandbox.scale.store.add_task(task_id="deep", metadata=metadata)
    asked = """{
      light: tasks(filter: {backendIn: [SCALE]}) { totalCount nodes { scaleTaskId metadata } failures { code } }
      states: tasks(filter: {backendIn: [SCALE]}) { nodes { status } failures { code } }
      whole: tasks(filter: {backendIn: [SCALE]}) { nodes { type raw } failures { code } }
      task(by: {scaleTaskId: "deep"}) { metadata raw instruction }
      taskCounts(filter: {backendIn: [SCALE]}) { total byStatus { status count } failure { code } }
    }"""
    async with world(sandbox) as gateway:
        data = await gateway.data(asked)

    kept = metadata if levels < 100 else None
    assert data["light"]["totalCount"] == len(data["states"]["nodes"]) == len(data["whole"]["nodes"]) == 6
    assert [data[name]["failures"] for name in ("light", "states", "whole")] == [[], [], []]
    assert [it["metadata"] for it in data["light"]["nodes"] if it["scaleTaskId"] == "deep"] == [kept or {}]
    assert (data["task"]["metadata"], data["task"]["raw"]["metadata"]) == (kept or {}, kept)
    assert data["taskCounts"][0]["total"] == 6


@pytest.mark.parametrize("first", [0, 101, -1, 10**6])
async def test_first_out_of_bounds(first: int) -> None:
    """`first` outside 1 to 100 is refused before anything is asked."""
    async with world() as gateway:
        answer = await gateway.answer("query($n: Int) { tasks(first: $n) { nodes { id } } }", n=first)
        calls = gateway.calls()

    assert answer["data"] == {"tasks": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert calls == (0, 0)


async def test_foreign_cursors() -> None:
    """A cursor that is damaged, of another list or of another filter is refused."""
    async with world() as gateway:
        cursor = (await page(gateway, BULK, 10))["pageInfo"]["endCursor"]
        batches = (await gateway.data("{ batches(first: 1) { pageInfo { endCursor } } }"))["batches"]
        damaged = cursor[:30] + ("A" if cursor[30] != "A" else "B") + cursor[31:]
        cases = [
            (BULK, damaged),
            (BULK, cursor[:-4]),
            (BULK, ""),
            (BULK, "x" * 20_000),
            (BULK, "車両"),
            (BULK, batches["pageInfo"]["endCursor"]),
            ({**BULK, "statusIn": ["PENDING"]}, cursor),
            (None, cursor),
        ]
        query = "query($f: TaskFilter, $a: String) { tasks(filter: $f, after: $a) { nodes { id } } }"
        answers = [await gateway.answer(query, f=filter, a=after) for filter, after in cases]

    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["BAD_USER_INPUT"] * len(cases)
