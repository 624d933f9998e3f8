"""Fetching many tasks: how many calls it takes, and what each reference gets."""

import asyncio
import json

import httpx
import pytest

from schema.status import TaskStatus
from schema.task import Task
from tests.fakes import rosetta
from tests.gateway.backends.rosetta.scripted import (
    ALONE,
    ScriptedRequest,
    ScriptedRosetta,
    calls,
    failure,
    never,
    references,
    scenes,
    seen,
    success,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("wanted", "size", "expected"),
    [
        (1, 1, (1, 0, 0)),
        (2, 2, (2, 0, 0)),
        (3, 3, (0, 1, 1)),
        (100, 100, (0, 1, 1)),
        (3, 250, (3, 1, 0)),
        (4, 250, (0, 1, 3)),
        (100, 1000, (0, 1, 10)),
        (5, 1000, (5, 1, 0)),
    ],
)
async def test_the_cheaper_road_is_taken(
    rosetta_api: ScriptedRosetta, wanted: int, size: int, expected: tuple[int, int, int]
) -> None:
    """Few scenes are read alone; many by the pages of their request, unless those are more than the scenes."""
    ScriptedRequest(scenes(size)).install(rosetta_api)

    outcomes = await rosetta_api.client.fetch(references(wanted))

    assert seen(outcomes) == ["IN_PROGRESS 3"] * wanted
    assert [outcome.reference for outcome in outcomes if isinstance(outcome, Task)] == references(wanted)
    assert calls(rosetta_api) == expected


async def test_a_size_once_seen_saves_a_call(rosetta_api: ScriptedRosetta) -> None:
    """The second fetch of few scenes of a large request does not read the request again."""
    ScriptedRequest(scenes(1000)).install(rosetta_api)

    await rosetta_api.client.fetch(references(5))
    await rosetta_api.client.fetch(references(5))

    assert calls(rosetta_api) == (10, 1, 0)


async def test_view_urls_are_read_alone(rosetta_api: ScriptedRosetta) -> None:
    """Where the view URL is wanted nothing comes from a bulk read."""
    ScriptedRequest(scenes(20)).install(rosetta_api)

    outcomes = await rosetta_api.client.fetch(references(20), view_url=True)

    assert calls(rosetta_api) == (20, 0, 0)
    assert all(isinstance(task, Task) and task.has_view_url and task.known_view_url for task in outcomes)


async def test_bulk_tasks_keep_their_row(rosetta_api: ScriptedRosetta) -> None:
    """A task read in bulk has its row as raw record and does not know its view URL."""
    ScriptedRequest(scenes(3)).install(rosetta_api)

    task = (await rosetta_api.client.fetch(references(3)))[0]

    assert isinstance(task, Task)
    assert not task.has_view_url
    raw: object = task.record.raw(with_people=True)
    assert raw == {"id": "466917967054114816", "status": 3, "campaignId": 1001}


async def test_each_annotation_request_has_its_own_call(rosetta_api: ScriptedRosetta) -> None:
    """Scenes of several requests are never mixed in one call, since rows do not name their request."""
    ScriptedRequest(scenes(5)).install(rosetta_api)
    wanted = [rosetta(f"scene-{place}", request) for place in range(5) for request in ("r1", "r2")]

    outcomes = await rosetta_api.client.fetch(wanted)

    assert seen(outcomes) == ["IN_PROGRESS 3"] * 10
    assert [outcome.reference for outcome in outcomes if isinstance(outcome, Task)] == wanted
    asked = [request.url.params.get_list("annotationRequestId") for request in rosetta_api.requests]
    assert sorted(asked) == [["r1"], ["r1"], ["r2"], ["r2"]]


async def test_no_references_no_calls(rosetta_api: ScriptedRosetta) -> None:
    """Nothing asked for costs nothing."""
    assert list(await rosetta_api.client.fetch([])) == []
    assert rosetta_api.requests == []


async def test_rows_that_do_not_join_are_read_alone(rosetta_api: ScriptedRosetta) -> None:
    """A scene without a row is read alone, the others keep their rows, and the gap is reported."""
    missing = "466917967054114817"
    request = ScriptedRequest(scenes(6), row_id=lambda task_id: None if task_id == missing else task_id)
    request.install(rosetta_api)

    outcomes = await rosetta_api.client.fetch(references(6))

    assert seen(outcomes) == ["IN_PROGRESS 3"] * 6
    assert calls(rosetta_api) == (1, 1, 1)
    assert rosetta_api.misfits == ["statistics.id"]


async def test_rows_that_never_join_are_read_alone(rosetta_api: ScriptedRosetta) -> None:
    """Where no row's id is a task id every scene is read alone, and none is guessed."""
    ScriptedRequest(scenes(6), row_id=lambda task_id: task_id + "0").install(rosetta_api)

    outcomes = await rosetta_api.client.fetch(references(6))

    assert seen(outcomes) == ["IN_PROGRESS 3"] * 6
    assert all(isinstance(task, Task) and task.has_view_url for task in outcomes)
    assert calls(rosetta_api) == (6, 1, 1)


@pytest.mark.parametrize(
    "answer", [failure(53003), failure(4005), httpx.Response(200, text="<html>"), httpx.Response(404)]
)
async def test_without_statistics_scenes_are_read_alone(rosetta_api: ScriptedRosetta, answer: httpx.Response) -> None:
    """Statistics that are refused or make no sense do not stand between a client and its tasks."""
    ScriptedRequest(scenes(4)).install(rosetta_api)
    rosetta_api.on("/statistics", answer)

    assert seen(await rosetta_api.client.fetch(references(4))) == ["IN_PROGRESS 3"] * 4


@pytest.mark.parametrize("path", ["/annotation-request", "/statistics"])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (failure(5000), "BACKEND_UNAVAILABLE"),
        (httpx.Response(503), "BACKEND_UNAVAILABLE"),
        (httpx.Response(429), "BACKEND_RATE_LIMITED"),
        (failure(401), "BACKEND_REFUSED"),
    ],
)
async def test_a_backend_in_trouble_is_not_asked_more(
    rosetta_api: ScriptedRosetta, path: str, answer: httpx.Response, code: str
) -> None:
    """When a bulk read fails because the backend is down or refuses us, no storm of single reads follows."""
    ScriptedRequest(scenes(50)).install(rosetta_api)
    rosetta_api.on(path, answer)

    assert seen(await rosetta_api.client.fetch(references(50))) == [code] * 50
    assert rosetta_api.count(ALONE) == 0


async def test_one_failing_page_leaves_the_others(rosetta_api: ScriptedRosetta) -> None:
    """The tasks of the pages that came are answered; only those of the failing page fail."""
    request = ScriptedRequest(scenes(150))
    request.install(rosetta_api)

    def script(asked: httpx.Request) -> httpx.Response:
        return failure(5000) if asked.url.params["offset"] == "2" else request.statistics(asked)

    rosetta_api.on("/statistics", script)

    assert (
        seen(await rosetta_api.client.fetch(references(150))) == ["IN_PROGRESS 3"] * 100 + ["BACKEND_UNAVAILABLE"] * 50
    )


async def test_one_failing_single_read_leaves_the_others(rosetta_api: ScriptedRosetta) -> None:
    """Each reference has its own outcome: a task, nothing, or a failure."""
    answers = {"a": success({"status": 11}), "b": failure(5000), "c": failure(51008), "d": success({"status": "x"})}
    rosetta_api.on("/task/get", lambda asked: answers[json.loads(asked.content)["sceneId"]])

    outcomes = await rosetta_api.client.fetch([rosetta(name, f"request-{name}") for name in "abcd"])

    assert seen(outcomes) == ["COMPLETED 11", "BACKEND_UNAVAILABLE", None, "BACKEND_BAD_RESPONSE"]


async def test_row_without_a_status_fails_alone(rosetta_api: ScriptedRosetta) -> None:
    """A row whose status cannot be read is a bad response for its task; the page stands."""
    ScriptedRequest({**scenes(3), "scene-3": "soon"}).install(rosetta_api)

    outcomes = await rosetta_api.client.fetch(references(4))

    assert seen(outcomes) == ["IN_PROGRESS 3"] * 3 + ["BACKEND_BAD_RESPONSE"]


async def test_duplicate_tasks_of_a_scene(rosetta_api: ScriptedRosetta) -> None:
    """Of two tasks of one scene the one with the largest id is answered."""
    request = ScriptedRequest(scenes(3))
    data = request.annotation_request()
    data["successTaskMap"] = {"7": "scene-0", "30": "scene-0", "8": "scene-1", "9": "scene-2"}
    rosetta_api.on("/annotation-request", success(data))
    rows = [{"id": 7, "status": 0}, {"id": 30, "status": 5}, {"id": 8, "status": 3}, {"id": 9, "status": 3}]
    rosetta_api.on("/statistics", success({"count": 4, "data": rows}))

    assert seen(await rosetta_api.client.fetch(references(3))) == ["IN_REVIEW 5", "IN_PROGRESS 3", "IN_PROGRESS 3"]


async def test_what_came_in_time_is_answered() -> None:
    """When time runs out the scenes that came keep their tasks, and the others time out."""
    rosetta_api = ScriptedRosetta(timeout_s=0.1)

    def script(asked: httpx.Request) -> httpx.Response:
        return success({"status": 3})

    rosetta_api.on("/task/get", lambda asked: never(asked) if b"slow" in asked.content else script(asked))

    outcomes = await rosetta_api.client.fetch([rosetta("a"), rosetta("slow"), rosetta("b", "other")])

    assert seen(outcomes) == ["IN_PROGRESS 3", "BACKEND_TIMEOUT", "IN_PROGRESS 3"]


async def test_cancelled_fetch_leaves_nothing_running(rosetta_api: ScriptedRosetta) -> None:
    """A fetch that is cancelled takes all its calls with it."""
    started, ended = asyncio.Event(), []

    async def hang(_: httpx.Request) -> httpx.Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    rosetta_api.on("/task/get", hang)
    before = asyncio.all_tasks()
    fetching = asyncio.create_task(_fetch(rosetta_api, 2))
    await started.wait()

    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching

    assert asyncio.all_tasks() == before
    assert ended == [True, True]


async def _fetch(rosetta_api: ScriptedRosetta, number: int) -> None:
    await rosetta_api.client.fetch(references(number))


async def test_fetched_tasks_are_the_same_when_restored(rosetta_api: ScriptedRosetta) -> None:
    """The client makes a task again from the bytes of its record, whatever road it came by."""
    ScriptedRequest(scenes(3), failed={"broken": "no"}).install(rosetta_api)
    fetched = [*await rosetta_api.client.fetch([*references(3), rosetta("broken")])]
    fetched += await rosetta_api.client.fetch(references(1))

    for task in fetched:
        assert isinstance(task, Task)
        again = rosetta_api.client.restore(task.reference, task.record.body, task.fetched_at)
        assert (again.status, again.backend_status, again.known_view_url, again.has_view_url) == (
            task.status,
            task.backend_status,
            task.known_view_url,
            task.has_view_url,
        )
    assert TaskStatus.FAILED in {task.status for task in fetched if isinstance(task, Task)}
