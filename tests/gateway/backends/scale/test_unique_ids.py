"""Finding tasks by the customer's own ids."""

import asyncio

import httpx
import pytest

from gateway.backends.base import Outcome
from gateway.backends.transport import Limits
from schema.errors import ErrorCode, GatewayError
from schema.task import Task
from tests.gateway.backends.scale.scripted import ScriptedScale, page, record

pytestmark = pytest.mark.anyio

AWKWARD = ["s3://b/f.png", "x y&z=1", "車両", "a/b", "a,b", "a+b", "%2F", "#?", "'\"<>", "..", "日本 語/é.png"]


def filtering(request: httpx.Request) -> httpx.Response:
    """Every unique id that is asked for and does not start with "no" is a task, newest last."""
    asked = request.url.params.get_list("unique_id")
    return page(*(named(unique_id) for unique_id in reversed(asked) if not unique_id.startswith("no")))


def named(unique_id: str) -> dict[str, object]:
    return record("t-" + unique_id.encode().hex()[:100], unique_id=unique_id)


def found(outcomes: "list[Outcome] | tuple[Outcome, ...]") -> list[object]:
    """The unique id of each task, the code of each failure, None for what is not there."""
    return [outcome.unique_id if isinstance(outcome, Task) else outcome and outcome.code.name for outcome in outcomes]


async def test_on_the_wire() -> None:
    """Repeated keys, each id percent-encoded, one whole page, no addresses of attachments."""
    api = ScriptedScale(filtering)

    outcomes = list(await api.client.fetch_by_unique_id(["s3://b/f.png", "x y&z=1", "車両", "a/b"]))

    assert api.targets == [
        "GET /v1/tasks?unique_id=s3%3A%2F%2Fb%2Ff.png&unique_id=x%20y%26z%3D1&unique_id=%E8%BB%8A%E4%B8%A1"
        "&unique_id=a%2Fb&limit=100&include_attachment_url=false"
    ]
    assert api.requests[0].content == b""
    assert found(outcomes) == ["s3://b/f.png", "x y&z=1", "車両", "a/b"]


async def test_awkward_ids_come_back_as_themselves() -> None:
    """No character of an id changes which task it names; the order is the one asked for."""
    api = ScriptedScale(filtering)

    outcomes = list(await api.client.fetch_by_unique_id(AWKWARD))

    assert found(outcomes) == AWKWARD
    assert len(api.requests) == 1


async def test_one_call_per_fifty() -> None:
    """120 ids are three calls, side by side."""
    arrived = 0
    all_in = asyncio.Event()

    async def script(request: httpx.Request) -> httpx.Response:
        nonlocal arrived
        arrived += 1
        if arrived == 3:
            all_in.set()
        await all_in.wait()
        return filtering(request)

    api = ScriptedScale(script)
    ids = [f"u{i}" for i in range(120)]

    outcomes = list(await api.client.fetch_by_unique_id(ids))

    assert found(outcomes) == ids
    assert [len(request.url.params.get_list("unique_id")) for request in api.requests] == [50, 50, 20]
    assert [call[1] for call in api.observer.calls] == ["GET /tasks"] * 3


async def test_missing_ids_are_none() -> None:
    """An id that no task has is simply absent from the answer."""
    api = ScriptedScale(filtering)

    assert found(list(await api.client.fetch_by_unique_id(["a", "no", "b", "nope"]))) == ["a", None, "b", None]


async def test_the_same_id_twice() -> None:
    """It is asked for once and answered twice."""
    api = ScriptedScale(filtering)

    assert found(list(await api.client.fetch_by_unique_id(["a", "no", "a"]))) == ["a", None, "a"]
    assert api.requests[0].url.params.get_list("unique_id") == ["a", "no"]


async def test_tasks_that_were_not_asked_for_are_nobodys() -> None:
    """A Scale that does not heed the filter confuses no ids: case, spaces and prefixes count."""
    others = [named("A"), named("a "), named("ab"), record("plain"), record("nameless", unique_id=None), named("b")]
    api = ScriptedScale(lambda request: page(*others))

    assert found(list(await api.client.fetch_by_unique_id(["a", "b"]))) == [None, "b"]


async def test_more_pages_are_walked_to_the_end() -> None:
    """While Scale says that there is more and something is missing, the walk goes on with the same filter."""
    pages = {None: page(named("a"), next_token="1"), "1": page(next_token="2"), "2": page(named("b"))}
    api = ScriptedScale(lambda request: pages[request.url.params.get("next_token")])

    assert found(list(await api.client.fetch_by_unique_id(["a", "b", "c"]))) == ["a", "b", None]
    asked = "GET /v1/tasks?unique_id=a&unique_id=b&unique_id=c&limit=100&include_attachment_url=false"
    assert api.targets == [asked, f"{asked}&next_token=1", f"{asked}&next_token=2"]


async def test_the_walk_stops_when_all_are_found() -> None:
    """Unique ids are unique: nothing more can come."""
    api = ScriptedScale(lambda request: page(named("a"), named("x"), next_token="1"))

    assert found(list(await api.client.fetch_by_unique_id(["a"]))) == ["a"]
    assert len(api.requests) == 1


async def test_a_repeated_token_ends_the_walk() -> None:
    """A list that leads to itself is not walked for ever."""
    api = ScriptedScale(lambda request: page(named("a"), next_token="same"))

    assert found(list(await api.client.fetch_by_unique_id(["a", "b"]))) == ["a", None]
    assert len(api.requests) == 2


async def test_a_list_without_end_is_a_bad_response() -> None:
    """What was found stands; of the others nothing is known."""
    pages = iter(range(1000))
    api = ScriptedScale(lambda request: page(named("a"), named("x"), next_token=str(next(pages))))

    assert found(list(await api.client.fetch_by_unique_id(["a", "b"]))) == ["a", "BACKEND_BAD_RESPONSE"]
    assert len(api.requests) == 20


async def test_a_broken_record_is_not_absent() -> None:
    """A record without id or status is a failure of its unique id, and of no other."""
    api = ScriptedScale(lambda request: page({"unique_id": "broken"}, {"unique_id": "foreign"}, named("a")))

    outcomes = list(await api.client.fetch_by_unique_id(["a", "broken", "absent"]))

    assert found(outcomes) == ["a", "BACKEND_BAD_RESPONSE", None]


async def test_one_failing_call_leaves_the_others_whole() -> None:
    """Of 100 ids, the 50 of the call that fails fail."""

    def script(request: httpx.Request) -> httpx.Response:
        if "u0" in request.url.params.get_list("unique_id"):
            return httpx.Response(429, headers={"retry-after": "2"})
        return filtering(request)

    api = ScriptedScale(script)
    ids = [f"u{i}" for i in range(100)]

    outcomes = list(await api.client.fetch_by_unique_id(ids))

    assert found(outcomes) == ["BACKEND_RATE_LIMITED"] * 50 + ids[50:]
    assert isinstance(outcomes[0], GatewayError)
    assert outcomes[0].retry_after_s == 2.0


async def test_a_failing_second_page_leaves_the_first_whole() -> None:
    """What was found before the failure stands."""

    def script(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if "next_token" in request.url.params else page(named("a"), next_token="1")

    api = ScriptedScale(script)

    assert found(list(await api.client.fetch_by_unique_id(["a", "b"]))) == ["a", "BACKEND_UNAVAILABLE"]


async def test_the_deadline_bounds_the_whole_walk() -> None:
    """Many pages together take no longer than one read may."""

    async def script(request: httpx.Request) -> httpx.Response:
        if "next_token" in request.url.params:
            await asyncio.Event().wait()
        return page(named("a"), next_token="1")

    api = ScriptedScale(script, limits=Limits(timeout_s=0.05))

    outcomes = list(await api.client.fetch_by_unique_id(["a", "b"]))

    assert found(outcomes) == ["a", ErrorCode.BACKEND_TIMEOUT.name]


async def test_cancelling_takes_all_calls_along() -> None:
    """No call is left running."""
    all_in = asyncio.Event()
    api: ScriptedScale

    async def script(request: httpx.Request) -> httpx.Response:
        if len(api.requests) == 2:
            all_in.set()
        await asyncio.Event().wait()
        return page()

    api = ScriptedScale(script)
    before = asyncio.all_tasks()
    fetching = asyncio.ensure_future(api.client.fetch_by_unique_id([f"u{i}" for i in range(60)]))
    await all_in.wait()

    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching

    assert asyncio.all_tasks() == before
