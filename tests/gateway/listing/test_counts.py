"""How many there are: right, or null; asked for only when selected."""

from collections import Counter

import pytest

from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta.seed import BULK_REQUEST, DEMO_REQUEST, ODD_REQUEST
from tests.gateway.listing.test_filters import ROSETTA_STATUSES, SCALE_STATUSES
from tests.gateway.listing.walking import walk
from tests.gateway.world import World, world

pytestmark = pytest.mark.anyio

COUNTS = """query($f: TaskFilter) { taskCounts(filter: $f) {
  backend total byStatus { status count } failure { code backend retryable } } }"""
TOTAL = "query($f: TaskFilter, $n: Int) { tasks(filter: $f, first: $n) { totalCount } }"
REQUESTS = [DEMO_REQUEST, ODD_REQUEST]


def of_scale(gateway: World) -> Counter[str]:
    rows = gateway.sandbox.scale.store.tasks()
    return Counter(SCALE_STATUSES.get(row.record["status"], "UNKNOWN") for row in rows)


def of_rosetta(gateway: World) -> Counter[str]:
    counts: Counter[str] = Counter()
    for request_id in REQUESTS:
        request = gateway.sandbox.rosetta.store.annotation_request(request_id)
        assert request is not None
        counts.update(ROSETTA_STATUSES.get(task.status, "UNKNOWN") for task in request.tasks.values())
        counts.update("FAILED" for scene in request.errors if scene not in request.tasks)
    return counts


@pytest.mark.parametrize("statuses", [None, ["PENDING", "COMPLETED"], ["UNKNOWN"], ["UNKNOWN", "FAILED"], ["IN_QC"]])
async def test_counts(statuses: list[str] | None) -> None:
    """Each backend's counts are those of its own data, and the list's total is their sum."""
    filter = {"annotationRequestIdIn": REQUESTS, **({} if statuses is None else {"statusIn": statuses})}
    async with world() as gateway:
        rosetta, scale = (await gateway.data(COUNTS, f=filter))["taskCounts"]
        total = (await gateway.data(TOTAL, f=filter, n=1))["tasks"]["totalCount"]
        walked = await walk(gateway, filter)
        wanted = [
            {it: n for it, n in counts.items() if statuses is None or it in statuses}
            for counts in (of_rosetta(gateway), of_scale(gateway))
        ]

    assert [{it["status"]: it["count"] for it in counts["byStatus"]} for counts in (rosetta, scale)] == wanted
    assert [rosetta["total"], scale["total"]] == [sum(counts.values()) for counts in wanted]
    assert total == len(walked) == sum(map(sum, (counts.values() for counts in wanted)))
    assert [rosetta["failure"], scale["failure"]] == [None, None]


async def test_unknown_is_null() -> None:
    """A backend that fails or cannot count has no total, never 0; the other one has."""
    async with world() as gateway:
        gateway.sandbox.scale.faults.add(Fault(kind="status", status=503))
        rosetta, scale = (await gateway.data(COUNTS, f={"annotationRequestIdIn": REQUESTS}))["taskCounts"]
        total = (await gateway.data(TOTAL, f={"annotationRequestIdIn": REQUESTS}, n=1))["tasks"]["totalCount"]
        gateway.sandbox.scale.faults.clear()
        (_, unfit) = (await gateway.data(COUNTS, f={"reviewStatusIn": ["UNKNOWN"]}))["taskCounts"]
        (asked_for_all, _) = (await gateway.data(COUNTS, f=None))["taskCounts"]

    assert rosetta["total"] == sum(of_rosetta(gateway).values())
    assert (scale["total"], scale["byStatus"], scale["failure"]["code"]) == (None, [], "BACKEND_UNAVAILABLE")
    assert total is None
    assert (unfit["total"], unfit["failure"]["code"]) == (None, "NOT_SUPPORTED")
    assert (asked_for_all["total"], asked_for_all["failure"]["code"]) == (None, "NOT_SUPPORTED")


async def test_counts_cost_nothing_unless_selected() -> None:
    """Nothing is counted that is not selected, and the total of a page that tells it costs no call of its own."""
    scale = {"backendIn": ["SCALE"]}
    async with world() as gateway:
        await gateway.data("query($f: TaskFilter) { taskCounts(filter: $f) { backend } }", f=scale)
        assert gateway.calls() == (0, 0)

        skipped = "query($f: TaskFilter) { tasks(filter: $f) { totalCount @skip(if: true) nodes { id type } } }"
        await gateway.data(skipped, f={**scale, "statusIn": ["PENDING", "COMPLETED"]})
        assert gateway.calls() == (2, 0)

        await gateway.data("query($f: TaskFilter) { tasks(filter: $f) { totalCount nodes { id type } } }", f=scale)
        assert gateway.calls() == (3, 0)

        await gateway.data(TOTAL, f={"annotationRequestIdIn": [BULK_REQUEST]}, n=1)
        limits = [seen.query for seen in gateway.sandbox.scale.faults.recorder.matching(path="/tasks")][3:]
        assert ["limit=1&" in query for query in limits] == [True]


async def test_nothing_matches_an_empty_list() -> None:
    """An empty list and an empty span match nothing: zero, known without a call."""
    empty = [
        {"statusIn": []},
        {"backendIn": []},
        {"uniqueIdIn": []},
        {"createdAt": {"gte": "2026-01-01T00:00:00Z", "lt": "2026-01-01T00:00:00Z"}},
    ]
    async with world() as gateway:
        totals = [(await gateway.data(TOTAL, f=filter, n=1))["tasks"]["totalCount"] for filter in empty]
        calls = gateway.calls()

    assert totals == [0, 0, 0, 0]
    assert calls == (0, 0)


async def test_states_when_they_suffice() -> None:
    """A selection that a state answers is read light, walks on by cursor, and puts nothing into the cache."""
    query = """query($after: String) { tasks(filter: {backendIn: [SCALE]}, first: 100, after: $after) {
      nodes { id backend status backendStatus { value } scaleTaskId project metadata ...Plain }
      pageInfo { hasNextPage endCursor } } }
      fragment Plain on Task { isStale allowedActions }"""
    async with world() as gateway:
        nodes, after = [], None
        while True:
            tasks = (await gateway.data(query, after=after))["tasks"]
            nodes += tasks["nodes"]
            after = tasks["pageInfo"]["endCursor"]
            if not tasks["pageInfo"]["hasNextPage"]:
                break
        pages = gateway.sandbox.scale.faults.recorder.matching(path="/tasks")
        rows = list(gateway.sandbox.scale.store.tasks())
        await gateway.data("query($id: ID!) { task(by: {id: $id}) { type } }", id=nodes[0]["id"])
        singles = gateway.sandbox.scale.faults.recorder.count(path="/task/")

    assert [node["scaleTaskId"] for node in nodes] == [row.task_id for row in rows]
    assert [node["backendStatus"]["value"] for node in nodes] == [row.record["status"] for row in rows]
    assert all("limited_response=true" in seen.query for seen in pages)
    assert singles == 1


@pytest.mark.parametrize("field", ["nodes { uniqueId }", "edges { cursor node { id } }", "pageInfo { startCursor }"])
async def test_whole_records_where_states_do_not_suffice(field: str) -> None:
    """Any other field, or a place within the page, reads whole records, and those are kept."""
    async with world() as gateway:
        await gateway.data(f"{{ tasks(filter: {{backendIn: [SCALE]}}, first: 3) {{ nodes {{ id }} {field} }} }}")
        first = next(gateway.sandbox.scale.store.tasks())
        await gateway.data("query($id: ID!) { task(by: {scaleTaskId: $id}) { type } }", id=first.task_id)
        (seen,) = gateway.sandbox.scale.faults.recorder

    assert "limited_response" not in seen.query
