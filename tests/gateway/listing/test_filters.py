"""Each filter field against a filter of the test's own over what the emulators hold."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.demo import ROSETTA_ACCESS_KEY, ROSETTA_SECRET_KEY, SCALE_KEY, DemoSandbox
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta import RosettaSandbox
from gateway.sandbox.rosetta.seed import DEMO_REQUEST, ODD_REQUEST, PROCESSING_REQUEST, seed_rosetta
from gateway.sandbox.scale import ScaleSandbox
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.seed import seed_scale
from gateway.sandbox.scale.seed_words import BATCHES, PROJECTS, TAGS
from tests.gateway.listing.walking import names, walk
from tests.gateway.world import World, world

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SCALE_STATUSES = {"pending": "PENDING", "completed": "COMPLETED", "canceled": "CANCELED", "error": "FAILED"}
ROSETTA_STATUSES = {
    0: "FAILED",
    1: "PENDING",
    2: "PENDING",
    3: "IN_PROGRESS",
    4: "IN_PROGRESS",
    5: "IN_REVIEW",
    6: "IN_REVIEW",
    8: "IN_QC",
    9: "IN_QC",
    10: "IN_QC",
    11: "COMPLETED",
    16: "COMPLETED",
    17: "DELIVERY_FAILED",
}
STATUSES = sorted({*SCALE_STATUSES.values(), *ROSETTA_STATUSES.values(), "UNKNOWN"})
REVIEWS = {
    "pending": "PENDING",
    "accepted": "ACCEPTED",
    "fixed": "FIXED",
    "commented": "COMMENTED",
    "rejected": "REJECTED",
}
REQUESTS = [DEMO_REQUEST, ODD_REQUEST, PROCESSING_REQUEST, "no such request"]


class SmallSandbox(DemoSandbox):
    """The demo's data with fewer tasks of Scale, so that many filters can be tried."""

    def __init__(self, options: ScaleOptions | None = None) -> None:
        clock = SandboxClock.manual(NOW)
        self.scale = ScaleSandbox(clock, api_key=SCALE_KEY, options=options)
        self.rosetta = RosettaSandbox(clock, access_key=ROSETTA_ACCESS_KEY, secret_key=ROSETTA_SECRET_KEY)
        seed_scale(self.scale, links=seed_rosetta(self.rosetta)[:20], size=180)


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def gateway(portal: BlockingPortal) -> Iterator[World]:
    with portal.wrap_async_context_manager(world(SmallSandbox())) as gateway:
        yield gateway


def moments() -> st.SearchStrategy[str]:
    """Moments around the seed's, some of them those of tasks to the millisecond and beside it."""
    ages = st.integers(0, 220).map(lambda n: timedelta(minutes=10) + n * timedelta(minutes=7, milliseconds=331))
    beside = st.sampled_from([-1000, -1, 0, 1, 500, 1000]).map(lambda n: timedelta(microseconds=n))
    return st.tuples(ages, beside).map(lambda it: (NOW - it[0] + it[1]).isoformat())


def spans() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional={"gte": moments(), "lt": moments()})


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=4)


def filters(unique_ids: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """One to four fields at once: more would leave nothing over."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "backendIn": some(["ROSETTA", "SCALE"]),
        "statusIn": some(STATUSES),
        "annotationRequestIdIn": some(REQUESTS),
        "project": st.sampled_from([*PROJECTS, "no such project"]),
        "batch": st.sampled_from([*BATCHES, "no such batch"]),
        "type": st.sampled_from([*PROJECTS.values(), "multi"]),
        "tag": st.sampled_from([*TAGS, "no such tag"]),
        "uniqueIdIn": st.lists(st.sampled_from([*unique_ids, "none"]), max_size=70),
        "reviewStatusIn": some([*REVIEWS.values(), "UNKNOWN"]),
        "createdAt": spans(),
        "updatedAt": spans(),
        "completedAt": spans(),
    }
    chosen = st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=4, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: fields[name] for name in names}))


def inside(text: str | None, span: dict[str, str]) -> bool:
    if not span:
        return True
    if text is None:
        return False
    moment = datetime.fromisoformat(text)
    after = "gte" not in span or moment >= datetime.fromisoformat(span["gte"])
    return after and ("lt" not in span or moment < datetime.fromisoformat(span["lt"]))


def wanted_of_scale(record: dict[str, Any], f: dict[str, Any]) -> bool:
    status = SCALE_STATUSES.get(record["status"], "UNKNOWN")
    review = record.get("customer_review_status")
    return all(
        (
            "SCALE" in f.get("backendIn", ["SCALE"]),
            status in f.get("statusIn", [status]),
            *(name not in f or record.get(name) == f[name] for name in ("project", "batch", "type")),
            "tag" not in f or f["tag"] in (record.get("tags") or []),
            "uniqueIdIn" not in f or record.get("unique_id") in f["uniqueIdIn"],
            "reviewStatusIn" not in f or (review is not None and REVIEWS.get(review, "UNKNOWN") in f["reviewStatusIn"]),
            inside(record.get("created_at"), f.get("createdAt", {})),
            inside(record.get("updated_at"), f.get("updatedAt", {})),
            inside(record.get("completed_at"), f.get("completedAt", {})),
        )
    )


def scenes_of(gateway: World, f: dict[str, Any]) -> list[str]:
    """The scenes that match, in the order asked for, by what the emulator itself holds."""
    only_of_scale = {"project", "batch", "type", "tag", "uniqueIdIn", "reviewStatusIn"} & f.keys()
    only_of_scale |= {name for name in ("createdAt", "updatedAt", "completedAt") if f.get(name)}
    if only_of_scale or "ROSETTA" not in f.get("backendIn", ["ROSETTA"]):
        return []
    found = []
    for request_id in dict.fromkeys(f.get("annotationRequestIdIn", [])):
        request = gateway.sandbox.rosetta.store.annotation_request(request_id)
        for scene_id in request.sources if request else ():
            assert request is not None
            task = request.tasks.get(scene_id)
            failed = scene_id in request.errors
            status = ROSETTA_STATUSES.get(task.status, "UNKNOWN") if task else "FAILED" if failed else "PENDING"
            found += [scene_id] if status in f.get("statusIn", [status]) else []
    return found


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_filter(gateway: World, portal: BlockingPortal, data: st.DataObject) -> None:
    """Whatever fields are given: the tasks that a plain filter over the backends' own data finds, each once."""
    rows = list(gateway.sandbox.scale.store.tasks())
    f = data.draw(filters([row.record["unique_id"] for row in rows if "unique_id" in row.record]))
    first = data.draw(st.sampled_from([7, 40, 100]))

    found = names(portal.call(walk, gateway, f, first))

    assert found == [*scenes_of(gateway, f), *(row.task_id for row in rows if wanted_of_scale(row.record, f))]


@pytest.mark.anyio
async def test_scale_refuses_error_as_a_filter() -> None:
    """A Scale that takes no `status=error` is asked for everything, and failed tasks are found all the same."""
    sandbox = SmallSandbox(ScaleOptions(accept_error_status_filter=False))
    async with world(sandbox) as gateway:
        found = names(await walk(gateway, {"backendIn": ["SCALE"], "statusIn": ["FAILED", "PENDING"]}, 10))
        query = "{ taskCounts(filter: {backendIn: [SCALE]}) { total byStatus { status count } failure { code } } }"
        (counts,) = (await gateway.data(query))["taskCounts"]
        rows = list(sandbox.scale.store.tasks())

    assert found == [row.task_id for row in rows if row.record["status"] in ("error", "pending")]
    assert counts["total"] == len(rows)
    assert {it["status"] for it in counts["byStatus"]} == {"PENDING", "COMPLETED", "CANCELED"}
    assert counts["failure"] == {"code": "NOT_SUPPORTED"}


@pytest.mark.anyio
async def test_a_record_without_the_field_that_is_filtered_by() -> None:
    """Scale has answered the filter: a record that lacks the field stays, one with another value is left out."""
    lacking = {"task_id": "lacking", "status": "completed"}
    docs: list[dict[str, Any]] = [
        lacking,
        *({**lacking, "task_id": f"other-{it}", it: "other"} for it in ("project", "batch", "type")),
        *({**lacking, "task_id": it, it: "2020-01-01T00:00:00Z"} for it in ("updated_at", "completed_at")),
        {**lacking, "task_id": "pending", "status": "pending"},
    ]
    span = {"gte": "2026-01-01T00:00:00Z"}
    f = {"project": "p", "batch": "b", "type": "t", "createdAt": span, "updatedAt": span, "completedAt": span}
    async with world(SmallSandbox()) as gateway:
        answer = json.dumps({"docs": docs, "total": len(docs), "has_more": False}).encode()
        gateway.sandbox.scale.faults.add(Fault(kind="status", status=200, body=answer))
        whole = names(await walk(gateway, {"backendIn": ["SCALE"], **f}))
        query = "{ tasks(filter: {backendIn: [SCALE], project: %s}) { nodes { scaleTaskId } } }"
        light = (await gateway.data(query % '"p"'))["tasks"]["nodes"]
        tagged = names(await walk(gateway, {"backendIn": ["SCALE"], "tag": "night"}))

    assert whole == ["lacking"]
    assert [it["scaleTaskId"] for it in light] == [it["task_id"] for it in docs if it["task_id"] != "other-project"]
    assert tagged == []
