"""One list over both backends: every task once, whatever happens while it is walked through."""

import itertools
from datetime import timedelta

import pytest

from gateway.demo import DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta.seed import BULK_REQUEST, DEMO_REQUEST, ODD_REQUEST
from tests.gateway.listing.walking import PAGE, names, page, scale_ids, walk
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

BULK = {"annotationRequestIdIn": [BULK_REQUEST]}


def scenes(gateway: World, request_id: str = BULK_REQUEST) -> list[str]:
    request = gateway.sandbox.rosetta.store.annotation_request(request_id)
    assert request is not None
    return list(request.sources)


async def test_everything_once() -> None:
    """800 scenes and over 2,000 Scale tasks in pages of 100: each once, in order, runs of equal times included."""
    async with world(DemoSandbox(SandboxClock.manual())) as gateway:
        nodes = await walk(gateway, BULK)
        expected = [*scenes(gateway), *scale_ids(gateway)]
        scale_calls, rosetta_calls = gateway.calls()

    assert len(expected) > 2800
    assert names(nodes) == expected
    # No page asks for more than it needs: one call a page of Scale; the request, and its rows once while fresh.
    assert scale_calls == -(-len(expected[800:]) // 100)
    assert rosetta_calls == 9


async def test_tasks_change_during_the_walk() -> None:
    """Tasks created, cancelled, completed and deleted meanwhile: those that were there throughout appear once."""
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        before = scale_ids(gateway)
        gone: set[str] = set()

        async def disturb(number: int) -> None:
            gateway.sandbox.scale.clock.advance(1)
            for _ in range(7):
                store.add_task()
            pending = [task_id for _, task_id in store.with_status("pending")]
            store.cancel(pending[number])
            store.complete(pending[-number])
            victim = before[number * 61 % len(before)]
            if victim not in gone:
                store.delete(victim)
                gone.add(victim)

        nodes = await walk(gateway, BULK, between=disturb)

    found = names(nodes)
    assert len(found) == len(set(found))
    there_throughout = [name for name in before if name not in gone]
    assert [name for name in found[800:] if name in set(there_throughout)] == there_throughout


@pytest.mark.parametrize("statuses", [["PENDING", "COMPLETED"], ["CANCELED", "FAILED", "UNKNOWN"], ["UNKNOWN"]])
async def test_statuses_change_during_a_filtered_walk(statuses: list[str]) -> None:
    """Filters that one query cannot express: merged or filtered here, no task lost or repeated while they move."""
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        words = {"PENDING": "pending", "COMPLETED": "completed", "CANCELED": "canceled", "FAILED": "error"}
        wanted = {words[status] for status in statuses if status in words}

        def matching() -> list[str]:
            known = set(words.values())
            status = {row.task_id: row.record["status"] for row in store.tasks()}
            return [
                it for it, word in status.items() if word in wanted or ("UNKNOWN" in statuses and word not in known)
            ]

        before = matching()
        flips = itertools.cycle(sorted(wanted))

        async def flip(number: int) -> None:
            for task_id in before[number::17]:
                if wanted:
                    store.set_status(task_id, next(flips))

        found = names(await walk(gateway, {"backendIn": ["SCALE"], "statusIn": statuses}, 40, flip))

    assert found == before


@pytest.mark.parametrize("first", [1, 3, 60])
async def test_ties_across_borders(first: int) -> None:
    """130 tasks created at the same moment: whatever the page size, and from any edge, none is lost or repeated."""
    async with world() as gateway:
        store = gateway.sandbox.scale.store
        rows = list(store.tasks())
        tied = [row for row in rows if [other.created_at for other in rows].count(row.created_at) > 100]
        moment = tied[0].created_at
        span = {"gte": (moment - timedelta(hours=1)).isoformat(), "lt": (moment + timedelta(hours=1)).isoformat()}
        filter = {"backendIn": ["SCALE"], "createdAt": span}
        expected = [row.task_id for row in rows if abs(row.created_at - moment) < timedelta(hours=1)]
        found = names(await walk(gateway, filter, first))
        edges = (await page(gateway, filter, 100))["edges"]
        for place in (0, 42, 98):
            behind = await page(gateway, filter, 5, edges[place]["cursor"])
            assert [edge["node"]["scaleTaskId"] for edge in behind["edges"]] == expected[place + 1 : place + 6]

    assert len(tied) == 130
    assert found == expected


async def test_any_edge_is_a_place() -> None:
    """From the cursor of any edge the list goes on behind it, also across the border between the backends."""
    async with world() as gateway:
        filter = {"annotationRequestIdIn": [DEMO_REQUEST, "unknown", ODD_REQUEST, DEMO_REQUEST]}
        whole = names(await walk(gateway, filter))
        edges = (await page(gateway, filter, 100))["edges"]
        for place in (0, 23, 24, 25, 84, 85, 99):
            behind = await page(gateway, filter, 7, edges[place]["cursor"])
            assert names([edge["node"] for edge in behind["edges"]]) == whole[place + 1 : place + 8], place

        assert whole == [*scenes(gateway, DEMO_REQUEST), *scenes(gateway, ODD_REQUEST), *scale_ids(gateway)]


@pytest.mark.parametrize("down", ["scale", "rosetta"])
async def test_one_backend_down_for_a_page(down: str) -> None:
    """A backend that fails for some pages keeps its place: when it is back, its tasks come, each once."""
    async with world() as gateway:
        faults = getattr(gateway.sandbox, down).faults
        codes: list[str] = []

        async def fail(number: int) -> None:
            faults.clear()
            if number in (1, 2, 9, 10):
                faults.add(Fault(kind="status", status=503))
            # What is cached must not hide the failure.
            gateway.sandbox.rosetta.clock.advance(3600)

        after, nodes = None, []
        for number in itertools.count(1):
            found = await page(gateway, BULK, 100, after)
            nodes += [edge["node"] for edge in found["edges"]]
            codes += [failure["code"] for failure in found["failures"]]
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                break
            await fail(number)
        expected = {*scenes(gateway), *scale_ids(gateway)}

    assert set(codes) == {"BACKEND_UNAVAILABLE"}
    assert len(nodes) == len(expected)
    assert set(names(nodes)) == expected
    assert names([node for node in nodes if node["backend"] == "ROSETTA"]) == scenes(gateway)
    assert names([node for node in nodes if node["backend"] == "SCALE"]) == scale_ids(gateway)


async def test_a_restart_between_pages() -> None:
    """A cursor works in another process with the same backends."""
    async with world() as gateway:
        first = await page(gateway, BULK, 100)
        second = await page(gateway, BULK, 100, first["pageInfo"]["endCursor"])
        async with world(gateway.sandbox) as another:
            again = await page(another, BULK, 100, first["pageInfo"]["endCursor"])

    assert again["edges"] == second["edges"]


async def test_a_page_asks_for_what_it_needs() -> None:
    """Scale is not asked while Rosetta fills the page, and for no more than is missing when it does not."""
    async with world() as gateway:
        await page(gateway, BULK, 100)
        assert gateway.calls() == (0, 9)

        await page(gateway, {"annotationRequestIdIn": [DEMO_REQUEST]}, 30)
        (asked,) = gateway.sandbox.scale.faults.recorder.matching(path="/tasks")
        assert "limit=5&" in asked.query + "&"

        gateway.sandbox.rosetta.faults.recorder.clear()
        await page(gateway, {"annotationRequestIdIn": ["urban-driving-2025-pilot"]}, 3)
        assert gateway.sandbox.rosetta.faults.recorder.count(path="/statistics") == 0


async def test_no_cache_reads_anew() -> None:
    """With `Cache-Control: no-cache` a page is read anew, once an operation, and kept for those who come after."""
    body = {"query": PAGE, "variables": {"filter": BULK, "first": 100}}
    async with world() as gateway:
        await page(gateway, BULK, 100)
        gateway.sandbox.rosetta.store.set_status(BULK_REQUEST, scenes(gateway)[0], 17)
        gateway.sandbox.rosetta.clock.advance(1)
        kept = (await page(gateway, BULK, 1))["edges"][0]["node"]["status"]
        _, before = gateway.calls()
        response = await gateway.client.post("/graphql", json=body, headers={"cache-control": "no-cache"})
        _, after = gateway.calls()
        following = (await page(gateway, BULK, 1))["edges"][0]["node"]["status"]

    assert kept != "DELIVERY_FAILED"
    assert response.json()["data"]["tasks"]["edges"][0]["node"]["status"] == following == "DELIVERY_FAILED"
    assert after - before == 9
    assert gateway.calls() == (0, after)
