"""Reads of single tasks: what goes out, and what comes of each answer."""

import asyncio
import json

import httpx
import pytest

from gateway.backends.base import TaskBackend, UniqueIdBackend
from gateway.backends.scale import RefusedQueryError
from gateway.backends.scale.client import authorization
from gateway.backends.transport import Limits
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.status import TaskStatus
from schema.task import Task
from tests.fakes import rosetta, scale
from tests.gateway.backends.scale.scripted import NOW, TASK_ID, ScriptedScale, answering, record, recorded

pytestmark = pytest.mark.anyio


def echo(request: httpx.Request) -> httpx.Response:
    """The pending task that is asked for."""
    return httpx.Response(200, json=record(request.url.path.rpartition("/")[2]))


def test_fulfils_its_protocols() -> None:
    """The client is both kinds of backend."""
    client = answering().client
    backend: TaskBackend = client
    by_unique_id: UniqueIdBackend = client

    assert backend.backend is Backend.SCALE
    assert by_unique_id is client


def test_credentials_vector() -> None:
    """The key is the user name of HTTP Basic, without a password."""
    assert authorization("test_example_key") == {"authorization": "Basic dGVzdF9leGFtcGxlX2tleTo="}


async def test_one_task_on_the_wire() -> None:
    """A read is a GET with the credentials and without a body."""
    api = answering(200, recorded("completed"))

    [task] = await api.client.fetch([scale(TASK_ID)])

    [request] = api.requests
    assert (request.method, str(request.url)) == ("GET", f"https://api.scale.example/v1/task/{TASK_ID}")
    assert request.headers["authorization"] == "Basic dGVzdF9leGFtcGxlX2tleTo="
    assert request.headers["accept"] == "application/json"
    assert "content-type" not in request.headers
    assert request.content == b""
    assert isinstance(task, Task)
    assert (task.reference, task.status, task.fetched_at) == (scale(TASK_ID), TaskStatus.COMPLETED, NOW)
    assert api.observer.calls == [(Backend.SCALE, "GET /task/{id}", None)]


async def test_nothing_asked() -> None:
    """No reference is no call."""
    api = answering(500)

    assert await api.client.fetch([]) == []
    assert await api.client.fetch_by_unique_id([]) == []
    assert api.requests == []


async def test_each_reference_has_its_own_outcome() -> None:
    """A task that is missing or fails leaves the others whole, in the order asked for."""

    def script(request: httpx.Request) -> httpx.Response:
        match request.url.path.rpartition("/")[2]:
            case "gone":
                return httpx.Response(404, content=recorded("error_body"))
            case "down":
                return httpx.Response(503, content=b"<html>down</html>")
            case _:
                return echo(request)

    api = ScriptedScale(script)

    first, gone, down, last = await api.client.fetch([scale("a"), scale("gone"), scale("down"), scale("b")])

    assert isinstance(first, Task)
    assert isinstance(last, Task)
    assert (first.reference, gone, last.reference) == (scale("a"), None, scale("b"))
    assert isinstance(down, GatewayError)
    assert (down.code, down.backend) == (ErrorCode.BACKEND_UNAVAILABLE, Backend.SCALE)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ErrorCode.BAD_USER_INPUT),
        (401, ErrorCode.BACKEND_REFUSED),
        (402, ErrorCode.BACKEND_REFUSED),
        (408, ErrorCode.BACKEND_TIMEOUT),
        (429, ErrorCode.BACKEND_RATE_LIMITED),
        (500, ErrorCode.BACKEND_UNAVAILABLE),
        (525, ErrorCode.BACKEND_UNAVAILABLE),
        (301, ErrorCode.BACKEND_BAD_RESPONSE),
    ],
)
async def test_failures_are_values(status: int, code: ErrorCode) -> None:
    """Every status that is no success is an outcome, and tells nothing of the vendor's text."""
    api = answering(status, recorded("error_body"), retry_after="4")

    [error] = await api.client.fetch([scale(TASK_ID)])

    assert isinstance(error, GatewayError)
    assert error.code is code
    assert isinstance(error, RefusedQueryError) is (status == 400)
    assert error.retry_after_s == (4.0 if status in (429, 500, 525) else None)
    assert "SECRET" not in f"{error.message}{error.log_detail}{error.extensions}"
    tries = 3 if error.retryable else 1
    assert api.observer.calls == [(Backend.SCALE, "GET /task/{id}", code)] * tries


@pytest.mark.parametrize(
    "body",
    [
        b"OK",
        b"",
        b"<html>SECRET</html>",
        b'{"task_id":"5774cc78b01249ab09f089dd","sta',
        b"[]",
        b"null",
        b'{"task_id":"5774cc78b01249ab09f089dd"}',
        b'{"task_id":"5774cc78b01249ab09f089de","status":"pending"}',
        b"[" * 50_000,
    ],
)
async def test_answers_that_are_no_task(body: bytes) -> None:
    """A success that is not the task asked for is a bad response."""
    api = answering(200, body)

    [error] = await api.client.fetch([scale(TASK_ID)])

    assert isinstance(error, GatewayError)
    assert error.code is ErrorCode.BACKEND_BAD_RESPONSE
    assert "SECRET" not in f"{error.message}{error.log_detail}"


async def test_misfits_are_counted_once() -> None:
    """Fields that do not fit are told to the observer when fetched, and not again when restored."""
    api = answering(200, b'{"task_id":"t","status":"pending","priority":"high"}')

    [task] = await api.client.fetch([scale("t")])
    assert isinstance(task, Task)
    restored = api.client.restore(scale("t"), task.record.body, NOW)

    assert api.misfits == ["priority"]
    assert restored.priority is None


async def test_restored_tasks_are_equal() -> None:
    """A task made again from its kept body is the same, and needs no call."""
    for name in ("completed", "audited", "big_integers", "mistyped", "unknown_word"):
        api = answering(200, recorded(name))
        [task] = await api.client.fetch([scale(TASK_ID)])
        assert isinstance(task, Task)

        restored = api.client.restore(scale(TASK_ID), task.record.body, NOW)

        assert {**vars(restored), "record": None} == {**vars(task), "record": None}
        assert restored.record.raw(with_people=True) == task.record.raw(with_people=True)
        assert len(api.requests) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"nonsense", b"[]", b'{"task_id":"other","status":"pending"}', b"\xff"])
def test_bodies_that_cannot_be_restored(body: bytes) -> None:
    """Bytes that are no record of the task raise ValueError."""
    with pytest.raises(ValueError, match=r"record|JSON"):
        answering().client.restore(scale(TASK_ID), body, NOW)


async def test_reads_run_side_by_side_within_the_bound() -> None:
    """As many calls as the limit allows are in flight at once, and no more."""
    running, most = 0, 0
    all_in = asyncio.Event()

    async def script(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 8:
            all_in.set()
        await all_in.wait()
        running -= 1
        return echo(request)

    api = ScriptedScale(script, limits=Limits(timeout_s=5, max_concurrency=8))

    outcomes = await api.client.fetch([scale(f"t{i}") for i in range(50)])

    assert most == 8
    assert [task.reference for task in outcomes if isinstance(task, Task)] == [scale(f"t{i}") for i in range(50)]


async def test_cancelling_a_fetch_cancels_its_calls() -> None:
    """Whoever goes away takes all calls along, and no task is left running."""
    started, cancelled = 0, 0
    all_in = asyncio.Event()

    async def script(request: httpx.Request) -> httpx.Response:
        nonlocal started, cancelled
        started += 1
        if started == 5:
            all_in.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return echo(request)

    api = ScriptedScale(script)
    before = asyncio.all_tasks()
    fetching = asyncio.ensure_future(api.client.fetch([scale(f"t{i}") for i in range(5)]))
    await all_in.wait()

    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching

    assert (started, cancelled) == (5, 5)
    assert asyncio.all_tasks() == before


async def test_a_bug_is_raised_when_all_calls_have_ended() -> None:
    """What nobody expects is no outcome; it leaves no task running either."""

    async def script(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("bug"):
            raise ZeroDivisionError
        await asyncio.sleep(0)
        return echo(request)

    api = ScriptedScale(script)
    before = asyncio.all_tasks()

    with pytest.raises(ZeroDivisionError):
        await api.client.fetch([scale("bug"), scale("a"), scale("b")])

    assert asyncio.all_tasks() == before
    assert len(api.requests) == 3


async def test_time_is_up_for_the_slow_ones_only() -> None:
    """What does not arrive in time is a timeout; what did stays."""

    async def script(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("slow"):
            await asyncio.Event().wait()
        return echo(request)

    api = ScriptedScale(script, limits=Limits(timeout_s=0.05))

    quick, slow = await api.client.fetch([scale("quick"), scale("slow")])

    assert isinstance(quick, Task)
    assert isinstance(slow, GatewayError)
    assert slow.code is ErrorCode.BACKEND_TIMEOUT


async def test_references_of_another_backend_are_a_bug() -> None:
    """They are refused before anything is sent."""
    api = answering(200, json.dumps(record("a")).encode())

    with pytest.raises(TypeError):
        await api.client.fetch([scale("a"), rosetta("scene")])

    assert api.requests == []
