"""Above a bound of operations in flight the gateway says so at once."""

import asyncio
import threading
import time

import httpx
import pytest

from gateway.load import Load
from gateway.refusals import Refusal
from tests.gateway.endpoints.served import Served, served_schema, small_schema

pytestmark = pytest.mark.alone
SLOW = "{ slow(seconds: 1) }"


def busy(served: Served, count: int) -> list[threading.Thread]:
    """That many slow operations, under way."""
    threads = [threading.Thread(target=served.post, args=(SLOW,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    assert served.server is not None
    while len(served.server.server_state.tasks) < count:
        time.sleep(0.01)  # a real server tells nobody
    return threads


def test_above_the_bound_it_sheds() -> None:
    """The third operation of two allowed gets 503 with Retry-After at once; when one is done there is a place again."""
    with served_schema(small_schema(), GATEWAY_MAX_QUEUED="2") as served:
        threads = busy(served, 2)
        shed = served.post("{ quick }")
        still_busy = [thread.is_alive() for thread in threads]
        for thread in threads:
            thread.join()
        after = served.post("{ quick }")

    assert shed.status_code == 503
    assert shed.headers["retry-after"] == "1"
    assert shed.json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
    assert still_busy == [True, True]
    assert after.json() == {"data": {"quick": "done"}}


def test_event_streams_are_shed_too() -> None:
    """A new event stream is refused with a status while there is no place."""
    with served_schema(small_schema(), GATEWAY_MAX_QUEUED="1") as served:
        threads = busy(served, 1)
        shed = httpx.post(
            served.url, json={"query": "{ quick }"}, headers={"accept": "text/event-stream"}, trust_env=False
        )
        for thread in threads:
            thread.join()

    assert shed.status_code == 503


def test_zero_is_no_bound() -> None:
    """0 lets everyone in, 1 one at a time; a place is given back however its operation ends."""
    with Load(0).place(), Load(1).place():
        pass
    load = Load(1)
    with pytest.raises(ValueError, match="lost"), load.place():
        raise ValueError("lost")
    with load.place(), pytest.raises(Refusal), load.place():
        pass

    assert load.in_flight == 0


@pytest.mark.anyio
async def test_requests_that_wait_for_their_turn_count() -> None:
    """Requests that arrive at once and never wait for anything are shed too: the oldest, down to the bound."""
    load, server_tasks, outcomes = Load(10), set[asyncio.Task[None]](), list[bool]()
    load.server_tasks = server_tasks

    async def one() -> None:
        load.begin()
        try:
            await load.turn()
            with load.place():
                outcomes.append(True)
        except Refusal:
            outcomes.append(False)

    for _ in range(100):
        task = asyncio.create_task(one())
        server_tasks.add(task)
        task.add_done_callback(server_tasks.discard)
    await asyncio.wait(set(server_tasks))
    await asyncio.sleep(0)

    assert outcomes == [False] * 90 + [True] * 10
    assert (load.in_flight, load.waiting) == (0, 0)
