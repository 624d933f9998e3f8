"""No answer is kept past the freshness of any task in it, past a write, or across scopes."""

import asyncio
import hashlib
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.cache import Freshness, TaskCache
from gateway.demo import DemoSandbox
from gateway.execution.responses import KeptAnswers, Scopes, Shelf
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.scale.seed import DEMO_COMPLETED, DEMO_MOVING, DEMO_PENDING
from schema.context import Scope
from schema.references import ScaleUniqueId, Selector
from schema.status import TaskStatus
from tests.fakes import START, FakeClock, fake_task, scale
from tests.gateway.world import World, world

READER: Scopes = frozenset({Scope.READ})
SEES_PEOPLE: Scopes = frozenset({Scope.READ, Scope.PEOPLE})


class Bench:
    """Answers over a cache whose clock the test moves."""

    def __init__(self, max_tasks: int = 100, max_bytes: int = 10**6) -> None:
        self.clock = FakeClock()
        self.cache = TaskCache(Freshness(), max_tasks, self.clock)
        self.answers = KeptAnswers(self.cache, max_bytes)
        self.shelf: Shelf = {}

    def keep(self, *selectors: Selector, text: bytes = b"{}", scopes: Scopes = READER, mark: int | None = None) -> None:
        entries = [entry for selector in selectors if (entry := self.cache.get(selector)) is not None]
        self.answers.keep(self.shelf, scopes, text, entries, self.answers.mark if mark is None else mark)

    def kept(self, scopes: Scopes = READER) -> bool:
        return self.answers.get(self.shelf, scopes) is not None


def bench(*names: str) -> Bench:
    """With tasks of these names in the cache."""
    made = Bench()
    for name in names:
        made.cache.put(scale(name), fake_task(scale(name), unique_id=f"u-{name}"))
    return made


def test_as_long_as_every_task_is_fresh() -> None:
    """The first task to lose its freshness ends the answer."""
    made = bench("a")
    made.clock.seconds = 4
    made.cache.put(scale("b"), fake_task(scale("b"), TaskStatus.COMPLETED))
    made.keep(scale("a"), scale("b"))

    made.clock.seconds = 9.9
    before = made.kept()
    made.clock.seconds = 10

    assert (before, made.kept(), len(made.answers)) == (True, False, 0)


@pytest.mark.parametrize("change", ["replaced", "dropped", "unique id moved", "doubted"])
def test_until_a_task_changes(change: str) -> None:
    """Whatever takes an entry's word away ends every answer made of it, and no other."""
    made = bench("a", "b")
    other: Shelf = {}
    made.keep(scale("a"), ScaleUniqueId("u-a"))
    made.shelf, first = other, made.shelf
    made.keep(scale("b"))
    made.shelf = first

    if change == "replaced":
        made.cache.put(scale("a"), fake_task(scale("a")))
    elif change == "dropped":
        made.cache.drop(scale("a"))
    elif change == "unique id moved":
        made.cache.put(scale("c"), fake_task(scale("c"), unique_id="u-a"))
    else:
        made.cache.heard_since(None)

    assert not made.kept()
    assert (made.answers.get(other, READER) is not None) == (change != "doubted")


def test_answers_of_one_task_are_bounded() -> None:
    """All of them go in one turn of the event loop when it changes: of many, the latest are kept."""
    made = Bench(max_bytes=10**8)
    made.cache.put(scale("a"), fake_task(scale("a")))
    for _ in range(2500):
        made.shelf = {}
        made.keep(scale("a"))

    assert len(made.answers) == 2000
    assert made.kept()
    made.cache.drop(scale("a"))
    assert (len(made.answers), made.answers.bytes_kept) == (0, 0)


def test_absent_tasks() -> None:
    """That there is no task is an answer too, until there is one."""
    made = Bench()
    made.cache.put(ScaleUniqueId("u"), None)
    made.keep(ScaleUniqueId("u"))
    before = made.kept()

    made.cache.put(scale("a"), fake_task(scale("a"), unique_id="u"))

    assert (before, made.kept()) == (True, False)


def test_never_across_scopes() -> None:
    """What a caller with more scopes was shown is not given to another."""
    made = bench("a")
    made.keep(scale("a"), scopes=SEES_PEOPLE)

    assert (made.kept(SEES_PEOPLE), made.kept(READER)) == (True, False)


def test_not_when_anything_went_meanwhile() -> None:
    """An answer whose tasks may have been replaced while it was made is not kept."""
    made = bench("a")
    mark = made.answers.mark
    made.cache.put(scale("a"), fake_task(scale("a")))

    made.keep(scale("a"), mark=mark)

    assert not made.kept()


def test_not_without_tasks() -> None:
    """Nothing says how long an answer without tasks would hold."""
    made = bench()
    made.keep()

    assert not made.kept()


def test_while_other_replicas_are_not_heard() -> None:
    """Then an answer holds no longer than its tasks count as fresh: two seconds."""
    made = Bench()
    made.cache.heard_since(None)
    made.cache.put(scale("a"), fake_task(scale("a")))
    made.keep(scale("a"))

    made.clock.seconds = 1.9
    before = made.kept()
    made.clock.seconds = 2

    assert (before, made.kept()) == (True, False)


def test_bounds() -> None:
    """The least recently used answers go first, and their bytes with them."""
    made = Bench(max_bytes=100_000)
    made.cache.put(scale("a"), fake_task(scale("a"), TaskStatus.CANCELED))
    shelves: list[Shelf] = []
    for _ in range(20):
        made.shelf = {}
        shelves.append(made.shelf)
        made.keep(scale("a"), text=b"x" * 9000)
        made.answers.get(shelves[0], READER)

    assert made.answers.bytes_kept <= 100_000
    assert made.answers.get(shelves[0], READER) is not None
    assert made.answers.get(shelves[1], READER) is None


def test_an_answer_larger_than_its_share() -> None:
    """One answer does not drive all others out."""
    made = bench("a")
    made.keep(scale("a"), text=b"x" * 200_000)

    assert not made.kept()


# Random reads, writes, clock steps and failures, against a gateway that keeps no answers.

IDS = (DEMO_COMPLETED, DEMO_MOVING, DEMO_PENDING)
NAMES = ("u", "v")

QUERIES = (
    "query($a: ID!) { task(by: {scaleTaskId: $a}) { id status tags metadata uniqueId createdAt fetchedAt isStale } }",
    'query($a: ID!) { one: task(by: {scaleTaskId: $a}) { tags } two: task(by: {scaleUniqueId: "u"}) { id tags } }',
    'query($a: ID!) { lookupTasks(by: [{scaleTaskId: $a}, {scaleTaskId: "unknown"}, {scaleUniqueId: "v"}]) '
    "{ __typename ... on Task { id status tags metadata isStale fetchedAt audits { auditedBy } } "
    "... on TaskError { code message } } }",
    "query($a: ID!) { task(by: {scaleTaskId: $a}) { tags } backends { circuit lastFailure } }",
)
WRITES = (
    "mutation($a: ID!, $t: String!) { addTaskTags(input: {task: {scaleTaskId: $a}, tags: [$t]}) { task { tags } } }",
    "mutation($a: ID!, $t: String!) { setTaskUniqueId(input: {task: {scaleTaskId: $a}, uniqueId: $t}) "
    "{ task { uniqueId } } }",
    "mutation($a: ID!) { clearTaskUniqueId(input: {task: {scaleTaskId: $a}}) { task { uniqueId } } }",
    "mutation($a: ID!, $t: JSON!) { setTaskMetadata(input: {task: {scaleTaskId: $a}, metadata: $t}) "
    "{ task { metadata } } }",
)
KEYS = ("reader", "people")
HASHES = ",".join(
    f"{name}:{hashlib.sha256(name.encode()).hexdigest()}:{scopes}"
    for name, scopes in (("reader", "read+write"), ("people", "read+write+people"))
)

STEPS = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(QUERIES), st.sampled_from(IDS), st.sampled_from(KEYS)),
    st.tuples(st.just("read"), st.sampled_from(QUERIES), st.just(IDS[0]), st.just(KEYS[0])),
    st.tuples(st.just("read anew"), st.sampled_from(QUERIES), st.sampled_from(IDS), st.just(KEYS[0])),
    st.tuples(st.just("write"), st.sampled_from(WRITES), st.sampled_from(IDS), st.sampled_from(NAMES)),
    st.tuples(st.just("clock"), st.sampled_from((0.5, 4.0, 11.0, 301.0))),
    st.tuples(st.just("fail"), st.booleans()),
)


async def taken(gateway: World, step: tuple[Any, ...]) -> Any:
    """What the step leads to for a client."""
    kind, *rest = step
    if kind == "clock":
        gateway.sandbox.scale.clock.advance(rest[0])
        return None
    if kind == "fail":
        gateway.sandbox.scale.faults.clear()
        if rest[0]:
            gateway.sandbox.scale.faults.add(Fault("status"))
        return None
    query, task_id, last = rest
    key = last if last in KEYS else KEYS[0]
    headers = {"authorization": f"Bearer {key}", "x-request-id": "the-same"}
    if kind == "read anew":
        headers["cache-control"] = "no-cache"
    name = "$t" if kind == "write" and "$t" in query else None
    value: object = {"t": last} if "$t: JSON" in query else last
    variables = {"a": task_id, **({} if name is None else {"t": value})}
    answer = await gateway.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    for _ in range(100):  # what refreshes behind the answer ends, in both gateways alike
        await asyncio.sleep(0)
    return answer.json()


def small() -> DemoSandbox:
    """Emulators of the same start time, with little but the tasks that are asked for: a life has to be cheap."""
    return DemoSandbox(SandboxClock.manual(START), scale_tasks=20)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=5, max_size=30))
def test_as_a_gateway_that_keeps_no_answers(steps: list[tuple[Any, ...]]) -> None:
    """Kept answers are what would be answered without them, and no backend sees a call more or less."""

    async def compare() -> None:
        async with (
            world(small(), GATEWAY_AUTH__API_KEYS=HASHES) as keeping,
            world(small(), GATEWAY_AUTH__API_KEYS=HASHES, GATEWAY_KEEP_ANSWERS="false") as forgetting,
        ):
            for step in steps:
                assert await taken(keeping, step) == await taken(forgetting, step)
                assert keeping.calls() == forgetting.calls()

    asyncio.run(compare())


async def kept_given(gateway: World) -> float:
    """How many answers were given that had been kept."""
    text = (await gateway.client.get("/metrics")).text
    found = re.search(r'gateway_cache_reads_total\{state="kept"\} (\S+)', text)
    assert found is not None, text
    return float(found[1])


@pytest.mark.anyio
async def test_kept_from_the_second_time_on() -> None:
    """An answer made of cached tasks alone is kept and given again; a write ends it, `no-cache` passes it by."""
    async with world(GATEWAY_AUTH__API_KEYS=HASHES) as gateway:
        read = ("read", QUERIES[0], DEMO_COMPLETED, "reader")
        given = []
        answers = []
        for _ in range(4):
            answers.append(await taken(gateway, read))
            given.append(await kept_given(gateway))
        await taken(gateway, ("read anew", QUERIES[0], DEMO_COMPLETED, "reader"))
        given.append(await kept_given(gateway))
        await taken(gateway, ("write", WRITES[0], DEMO_COMPLETED, "u"))
        written = await taken(gateway, read)
        given.append(await kept_given(gateway))

    assert answers == [answers[0]] * 4
    assert given == [0, 0, 1, 2, 2, 2]
    assert "u" in written["data"]["task"]["tags"]


@pytest.mark.anyio
async def test_what_is_asked_once_is_not_kept() -> None:
    """Though all its tasks are cached: only a request that comes again is worth the memory."""
    async with world(GATEWAY_AUTH__API_KEYS=HASHES) as gateway:
        await taken(gateway, ("read", QUERIES[0], DEMO_COMPLETED, "reader"))
        given = []
        for _ in range(3):
            await taken(gateway, ("read", QUERIES[0].replace("{ id ", "{ "), DEMO_COMPLETED, "reader"))
            given.append(await kept_given(gateway))

    assert given == [0, 0, 1]
