"""Rows and pages of the statistics endpoints."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.rosetta.statistics import moment, parse_history_row
from schema.errors import ErrorCode, GatewayError
from schema.status import TaskStatus
from schema.task import TaskEventAction
from tests.gateway.backends.rosetta.scripted import ScriptedRosetta, failure, recorded, success

pytestmark = pytest.mark.anyio

SHANGHAI = ZoneInfo("Asia/Shanghai")


def pages_of(total: int, size: int = 100) -> list[list[dict[str, object]]]:
    rows: list[dict[str, object]] = [{"id": number + 1, "status": 3} for number in range(total)]
    return [rows[start : start + size] for start in range(0, total, size)]


def serve(rosetta_api: ScriptedRosetta, pages: list[list[dict[str, object]]], count: object) -> None:
    def script(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["offset"])
        return success({"count": count, "data": pages[number - 1] if number <= len(pages) else []})

    rosetta_api.on("/statistics", script)


async def test_documented_rows(rosetta_api: ScriptedRosetta) -> None:
    """The documented rows: ids whole, the status trusted though the pool's name says otherwise."""
    rosetta_api.on("/statistics", recorded("statistics"))

    rows = await rosetta_api.client.statistics("ar-1")

    assert rows is not None
    assert [(row.task_id, row.status) for row in rows] == [
        ("466917967054114816", TaskStatus.PENDING),
        ("466917967054114817", TaskStatus.COMPLETED),
    ]
    assert rosetta_api.misfits == []


@pytest.mark.parametrize(("total", "calls"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3), (3300, 33), (3301, 34)])
async def test_page_numbers_count_from_one(rosetta_api: ScriptedRosetta, total: int, calls: int) -> None:
    """All rows come in as many pages as needed, numbered from 1, each asked for once."""
    serve(rosetta_api, pages_of(total), total)

    rows = await rosetta_api.client.statistics("x")

    assert rows is not None
    assert [row.task_id for row in rows] == [str(number + 1) for number in range(total)]
    offsets = [int(request.url.params["offset"]) for request in rosetta_api.requests]
    assert sorted(offsets) == list(range(1, calls + 1))


async def test_rows_seen_twice_count_once(rosetta_api: ScriptedRosetta) -> None:
    """A row that moved to another page between two reads appears once."""
    pages = pages_of(150)
    pages[1][0] = pages[0][99]
    serve(rosetta_api, pages, 150)

    rows = await rosetta_api.client.statistics("x")

    assert rows is not None
    assert len({row.task_id for row in rows}) == len(rows) == 149


async def test_a_server_that_lowers_the_limit(rosetta_api: ScriptedRosetta) -> None:
    """Where pages are shorter than asked for, their true length decides how many there are."""
    serve(rosetta_api, pages_of(120, size=50), 120)

    rows = await rosetta_api.client.statistics("x")

    assert rows is not None
    assert (len(rows), rosetta_api.count("GET /statistics")) == (120, 3)


async def test_a_count_that_lies_ends_at_an_empty_page(rosetta_api: ScriptedRosetta) -> None:
    """A count far beyond the rows costs a bounded number of calls."""
    serve(rosetta_api, pages_of(150), 10**9)

    rows = await rosetta_api.client.statistics("x")

    assert rows is not None
    assert len(rows) == 150
    assert rosetta_api.count("GET /statistics") <= 33


@pytest.mark.parametrize("count", [None, "many", -1, True, 1.5])
async def test_page_without_a_count_is_a_bad_response(rosetta_api: ScriptedRosetta, count: object) -> None:
    """Without its count a page does not say whether there are more."""
    serve(rosetta_api, pages_of(1), count)

    with pytest.raises(GatewayError) as raised:
        await rosetta_api.client.statistics("x")

    assert raised.value.code is ErrorCode.BACKEND_BAD_RESPONSE


async def test_damaged_rows_are_left_out(rosetta_api: ScriptedRosetta) -> None:
    """A row without an id is left out and reported; one without a status keeps its place."""
    rows = [{"status": 3}, {"id": True, "status": 3}, "row", {"id": "5", "status": "x"}, {"id": 6, "status": 3}]
    rosetta_api.on("/statistics", success({"count": 5, "data": rows}))

    found = await rosetta_api.client.statistics("x")

    assert found is not None
    assert [(row.task_id, row.status) for row in found] == [("5", None), ("6", TaskStatus.IN_PROGRESS)]
    assert sorted(rosetta_api.misfits) == ["data", "id", "id", "status"]


async def test_rows_as_null_are_none(rosetta_api: ScriptedRosetta) -> None:
    """A page whose list is null is an empty page."""
    rosetta_api.on("/statistics", success({"count": 0, "data": None}))

    assert await rosetta_api.client.statistics("x") == ()


async def test_failing_page_fails_the_whole_typed_read(rosetta_api: ScriptedRosetta) -> None:
    """The state of all tasks is not told when one page of it is missing."""
    pages = pages_of(200)

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.params["offset"] == "2":
            return failure(5000)
        return success({"count": 200, "data": pages[0]})

    rosetta_api.on("/statistics", script)

    with pytest.raises(GatewayError) as raised:
        await rosetta_api.client.statistics("x")

    assert raised.value.code is ErrorCode.BACKEND_UNAVAILABLE


async def test_history_by_task_oldest_first(rosetta_api: ScriptedRosetta) -> None:
    """History records become events by task id, oldest first, their times read as Shanghai's."""
    rosetta_api.on("/statistics/record", recorded("statistics_record"))

    history = await rosetta_api.client.history("ar-1")

    assert history is not None
    assert list(history) == ["466917967054114816", "466917967054114817"]
    created, accepted = history["466917967054114816"]
    assert (created.action, created.status, created.person) == (TaskEventAction.CREATED, TaskStatus.PENDING, None)
    assert created.at == datetime(2025, 3, 13, 8, 0, tzinfo=UTC)
    assert (accepted.action, accepted.pool, accepted.person) == (
        TaskEventAction.ACCEPTED,
        "Annotation Pool",
        "worker-7",
    )


@pytest.mark.parametrize(
    ("number", "action"),
    [
        (0, TaskEventAction.CREATED),
        (1, TaskEventAction.PAUSED),
        (2, TaskEventAction.RELEASED),
        (3, TaskEventAction.RESUMED),
        (5, TaskEventAction.DISTRIBUTED),
        (6, TaskEventAction.RETURNED),
        (7, TaskEventAction.SUBMITTED),
        (8, TaskEventAction.REVIEWED),
        (9, TaskEventAction.QC_CHECKED),
        (10, TaskEventAction.REJECTED),
        (13, TaskEventAction.ACCEPTED),
        (14, TaskEventAction.DISSOLVED),
        (17, TaskEventAction.RETURNED),
        (4, TaskEventAction.UNKNOWN),
        (16, TaskEventAction.UNKNOWN),
        (None, TaskEventAction.UNKNOWN),
    ],
)
async def test_each_action_has_its_event(number: int | None, action: TaskEventAction) -> None:
    """Each documented action is an event of the schema; gaps in the table are unknown."""
    row = parse_history_row(SHANGHAI)({"id": 1, "taskId": 2, "actionType": number}, list[str]().append)

    assert row is not None
    assert row.event.action is action


async def test_event_with_misfits() -> None:
    """Fields of an event that do not fit are null and reported; the event stands."""
    record = {
        "id": 1,
        "taskId": "466917967054114816904",
        "actionType": "x",
        "status": [],
        "createdTime": "yesterday",
        "poolName": 5,
        "aliceName": 7,
    }
    misfits: list[str] = []
    row = parse_history_row(SHANGHAI)(record, misfits.append)

    assert row is not None
    assert row.task_id == "466917967054114816904"
    assert (row.event.at, row.event.status, row.event.person, row.event.pool) == (None, None, None, "5")
    assert sorted(misfits) == ["actionType", "aliceName", "createdTime", "status"]


async def test_record_without_ids_is_left_out() -> None:
    """A record that does not say which task it is of is no event."""
    misfits: list[str] = []

    assert parse_history_row(SHANGHAI)({"id": 1, "actionType": 0}, misfits.append) is None
    assert misfits == ["taskId"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-24 16:04:53", datetime(2025, 3, 24, 8, 4, 53, tzinfo=UTC)),
        ("2025-03-24T16:04:53Z", datetime(2025, 3, 24, 16, 4, 53, tzinfo=UTC)),
        ("0001-01-01 00:00:00", None),
        ("2025-02-30 00:00:00", None),
        ("", None),
    ],
)
async def test_times_are_those_of_the_zone(text: str, expected: datetime | None) -> None:
    """A wall clock time is read in the configured zone; what is no time is None."""
    assert moment(text, SHANGHAI) == expected


@given(st.datetimes(min_value=datetime(1995, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - a wall clock
def test_every_time_is_read_back(wall: datetime) -> None:
    """Every wall clock time names the moment at which Shanghai's clocks show it."""
    found = moment(wall.strftime("%Y-%m-%d %H:%M:%S"), SHANGHAI)

    assert found is not None
    assert found.astimezone(SHANGHAI).replace(tzinfo=None) == wall.replace(microsecond=0)
