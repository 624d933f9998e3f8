"""Identical operations at the same time: one is executed, the others are given the answer that it leaves behind."""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.demo import DemoSandbox
from gateway.execution.joining import Joining
from gateway.execution.responses import Shelf
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.scale.seed import DEMO_PENDING
from schema.context import Scope
from tests.fakes import START
from tests.gateway.world import World, world
from tests.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.anyio

ONE = "query($id: ID!) { task(by: {scaleTaskId: $id}) { id status tags audits { auditedBy } } }"
ADD_TAG = 'mutation($id: ID!) { addTaskTags(input: {task: {scaleTaskId: $id}, tags: ["written"]}) { task { tags } } }'
KEYS = ",".join(
    f"{name}:{hashlib.sha256(name.encode()).hexdigest()}:{scopes}"
    for name, scopes in (("reader", "read+write"), ("other", "read+write"), ("people", "read+people"))
)
READER = frozenset({Scope.READ})


class Bench:
    """A gateway whose backend answers no read before the test says so."""

    def __init__(self, gateway: World) -> None:
        self.gateway = gateway
        self._answering = asyncio.Event()
        self.hold()

    def hold(self) -> None:
        """The calls from now on are answered when `answer` is called."""
        self._answering = answering = asyncio.Event()

        async def sleep(seconds: float) -> None:
            await answering.wait()

        faults = self.gateway.sandbox.scale.faults
        faults.latency_s, faults.sleep = 1, sleep

    def let_pass(self) -> None:
        """The calls from now on are answered at once."""
        self.gateway.sandbox.scale.faults.latency_s = 0

    def answer(self) -> None:
        """What was held is answered, and all that follows."""
        self.let_pass()
        self._answering.set()

    async def ask(self, query: str = ONE, *, key: str = "reader", **headers: str) -> Any:
        """The text of the answer."""
        response = await self.gateway.client.post(
            "/graphql",
            json={"query": query, "variables": {"id": DEMO_PENDING}},
            headers={
                "authorization": f"Bearer {key}",
                "x-request-id": "the-same",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        return response.text

    async def asked(self, count: int = 1, *, key: str = "reader", **headers: str) -> "list[asyncio.Task[Any]]":
        """So many who wait now for their answers."""
        tasks = [asyncio.create_task(self.ask(key=key, **headers)) for _ in range(count)]
        await turns()
        return tasks

    async def reads(self) -> dict[str, float]:
        """What reads found, by state; `kept` counts answers that were kept, and "joined" the reads under way."""
        text = (await self.gateway.client.get("/metrics")).text
        found = {state: float(count) for state, count in re.findall(r'cache_reads_total\{state="(\w+)"\} (\S+)', text)}
        joined = re.search(r"(?m)^gateway_coalesced_reads_total (\S+)", text)
        assert joined is not None
        return {"executed": found["missing"] + found["fresh"], "kept": found["kept"], "joined": float(joined[1])}


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    sandbox = DemoSandbox(SandboxClock.manual(START), scale_tasks=20)
    async with world(sandbox, GATEWAY_AUTH__API_KEYS=KEYS, GATEWAY_EXECUTION="plan") as gateway:
        yield Bench(gateway)


async def turns() -> None:
    """Whatever can go on without the backend does."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_one_is_executed(caplog: pytest.LogCaptureFixture) -> None:
    """Twenty get one answer out of one call; each is counted and logged, the call to one of them.

    The first is executed for itself: that it comes again is not known yet. The second leaves an answer to the others.
    """
    caplog.set_level(logging.INFO, "gateway.operations")
    async with bench() as made:
        waiting = await made.asked(10)
        waiting += await made.asked(10, key="other")
        made.answer()
        answers = await asyncio.gather(*waiting)
        reads = await made.reads()

        assert made.gateway.calls() == (1, 0)
    assert '"status":"PENDING"' in answers[0]
    assert set(answers) == {answers[0]}
    assert reads == {"executed": 2, "kept": 18, "joined": 1}
    lines = [record.__dict__["line"] for record in caplog.records if record.name == "gateway.operations"]
    assert [line["outcome"] for line in lines] == ["ok"] * 20
    assert sorted(line["calls"] for line in lines) == [0] * 19 + [1]
    assert {line["caller"] for line in lines} == {"reader", "other"}


async def test_the_executed_one_goes_away() -> None:
    """Its client's leaving costs the others nothing: they are executed, and join the call under way."""
    async with bench() as made:
        (first,) = await made.asked()
        others = await made.asked(5)
        first.cancel()
        await turns()
        made.answer()
        answers = await asyncio.gather(*others)

        assert made.gateway.calls() == (1, 0)
    assert first.cancelled()
    assert set(answers) == {answers[0]}
    assert '"status":"PENDING"' in answers[0]


async def test_a_waiting_one_goes_away() -> None:
    """Neither the executed one nor the others notice."""
    async with bench() as made:
        first, gone, other = await made.asked(3)
        gone.cancel()
        await turns()
        made.answer()

        assert await first == await other
        assert gone.cancelled()
        assert made.gateway.calls() == (1, 0)


async def test_failures_are_not_shared() -> None:
    """A failure is kept for nobody: the others are executed themselves, and their reads share one call."""
    async with bench() as made:
        waiting = await made.asked(5)
        made.gateway.sandbox.scale.faults.add(Fault("status", status=401))
        made.answer()
        answers = await asyncio.gather(*waiting)
        reads = await made.reads()

        assert made.gateway.calls() == (2, 0)
    assert all("BACKEND_REFUSED" in answer for answer in answers)
    assert (reads["executed"], reads["kept"]) == (5, 0)


async def test_a_write_in_between() -> None:
    """Whoever asks after a write sees it, though the same operation was under way from before."""
    async with bench() as made:
        (before,) = await made.asked()
        made.let_pass()
        written = await made.ask(ADD_TAG)
        (after,) = await made.asked()
        made.answer()

        assert '"written"' in written
        assert '"written"' in await after
        assert '"status":"PENDING"' in await before


async def test_not_across_scopes() -> None:
    """Who may see more is executed alone; the reads are shared."""
    async with bench() as made:
        waiting = [*await made.asked(), *await made.asked(key="people")]
        made.answer()
        await asyncio.gather(*waiting)

        assert await made.reads() == {"executed": 2, "kept": 0, "joined": 1}
        assert made.gateway.calls() == (1, 0)


async def test_no_cache_waits_for_nobody() -> None:
    """Who asks for a read anew is executed, and joins the call under way as ever."""
    async with bench() as made:
        waiting = [*await made.asked(), *await made.asked(cache_control="no-cache")]
        made.answer()
        await asyncio.gather(*waiting)

        assert await made.reads() == {"executed": 2, "kept": 0, "joined": 1}


def test_patience_ends() -> None:
    """Behind a slow execution the others begin their own after a quarter of a second, and newcomers at once."""
    shelf: Shelf = {}

    async def wait() -> list[tuple[bool, float]]:
        loop, joining = asyncio.get_running_loop(), Joining()

        async def other() -> tuple[bool, float]:
            return await joining.wait(shelf, READER, None), loop.time()

        with joining.executing(shelf, READER, 10.0):
            others = await asyncio.gather(other(), other())
            return [*others, await other()]

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(wait()) == [(True, 0.25), (True, 0.25), (False, 0.25)]


@pytest.mark.parametrize(
    ("theirs", "own", "waits"),
    [(5.0, 6.0, True), (5.0, 5.0, True), (5.0, None, True), (6.0, 5.0, False), (None, 5.0, False)],
)
async def test_nobody_waits_past_their_own_deadline(theirs: float | None, own: float | None, waits: bool) -> None:
    """An execution that may end after one's own deadline is not waited for."""
    joining = Joining()
    shelf: Shelf = {}

    with joining.executing(shelf, READER, theirs):
        waiting = asyncio.create_task(joining.wait(shelf, READER, own))
        await asyncio.sleep(0)
        has_begun_to_wait = not waiting.done()

    assert await waiting is waits
    assert has_begun_to_wait is waits


async def test_only_what_is_identical() -> None:
    """Other variables, and other scopes, are other operations; one that has ended is under way no more."""
    joining = Joining()
    shelf: Shelf = {}

    with joining.executing(shelf, READER, None):
        assert not await joining.wait({}, READER, None)
        assert not await joining.wait(shelf, frozenset(), None)
    assert not await joining.wait(shelf, READER, None)


async def test_the_first_of_several_is_waited_for() -> None:
    """One that is executed beside the first neither takes its place nor ends the waiting."""
    joining = Joining()
    shelf: Shelf = {}

    with joining.executing(shelf, READER, None):
        with joining.executing(shelf, READER, None):
            waiting = asyncio.create_task(joining.wait(shelf, READER, None))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()

    assert await waiting
