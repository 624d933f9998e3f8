"""The client against the strict emulator of Rosetta."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from gateway.backends.rosetta import RosettaClient, rosetta_backend
from gateway.backends.transport import Limits
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.rosetta import RosettaOptions, RosettaSandbox
from schema.errors import ErrorCode, GatewayError
from schema.status import TaskStatus
from schema.task import Task, TaskEventAction
from tests.fakes import CountingObserver, rosetta

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCENES = [f"scene {number}/車" for number in range(1, 8)]


class Emulated:
    """The emulator, and a client that signs with its clock unless told another time."""

    def __init__(self) -> None:
        clock = SandboxClock.manual(START)
        self.sandbox = RosettaSandbox(clock, access_key="key", secret_key="secret")
        self.sandbox.store.add_campaign("campaign", "a/b 車両", folder_name="Road Scenes")
        self.sandbox.store.add_annotation_request("request", "campaign", SCENES)
        self.observer = CountingObserver()
        self.now: Callable[[], datetime] = clock.now
        self.client: RosettaClient = rosetta_backend(
            "http://sandbox/rosetta-open",
            "key",
            "secret",
            limits=Limits(timeout_s=5),
            observer=self.observer,
            wire=httpx.ASGITransport(self.sandbox.app),
            now=lambda: self.now(),
        )

    def asked(self, path: str) -> int:
        return self.sandbox.faults.recorder.count(path=f"{path}$")


@pytest.fixture
async def emulated() -> AsyncIterator[Emulated]:
    made = Emulated()
    yield made
    await made.client.aclose()


REFERENCES = [rosetta(scene) for scene in SCENES]


async def test_one_task(emulated: Emulated) -> None:
    """A task is found by its three ids, with its status and view URL."""
    emulated.sandbox.store.set_status("request", SCENES[0], 6)

    [task] = await emulated.client.fetch(REFERENCES[:1])

    assert isinstance(task, Task)
    assert task.status is TaskStatus.IN_REVIEW
    assert task.known_view_url is not None
    assert task.known_view_url.startswith("https:/")


async def test_both_roads_tell_the_same(emulated: Emulated) -> None:
    """Alone and in bulk the same scenes have the same status, in one call each and in two for all."""
    for scene, status in zip(SCENES, (1, 3, 5, 9, 11, 16, 99), strict=True):
        emulated.sandbox.store.set_status("request", scene, status)

    bulk = await emulated.client.fetch(REFERENCES)
    bulk_calls = len(emulated.sandbox.faults.recorder)
    alone = await emulated.client.fetch(REFERENCES, view_url=True)

    assert bulk_calls == 2
    assert [_facts(outcome) for outcome in bulk] == [_facts(outcome) for outcome in alone]
    assert emulated.observer.misfits == []


def _facts(outcome: object) -> object:
    return (outcome.reference, outcome.status, outcome.backend_status) if isinstance(outcome, Task) else outcome


@pytest.mark.parametrize("share", [0.4, 1.0])
async def test_rows_that_do_not_join(emulated: Emulated, share: float) -> None:
    """Rows under other ids cost single reads and never a wrong task."""
    emulated.sandbox.store.set_status("request", SCENES[2], 11)
    emulated.sandbox.options = RosettaOptions(unjoined_share=share)

    outcomes = await emulated.client.fetch(REFERENCES)

    assert [outcome.status for outcome in outcomes if isinstance(outcome, Task)] == [
        TaskStatus.COMPLETED if scene == SCENES[2] else TaskStatus.PENDING for scene in SCENES
    ]
    assert emulated.asked("/task/get") > 0


@pytest.mark.parametrize(
    "options",
    [
        RosettaOptions(errors_as_http_500=True),
        RosettaOptions(over_limit="reject"),
        RosettaOptions(unknown_request="code", unknown_schedule="null"),
        RosettaOptions(unknown_schedule="empty", failed_scene="not_found"),
        RosettaOptions(schedule_percents=True, numeric_campaign_ids=True),
        RosettaOptions(empty_maps="absent"),
    ],
)
async def test_every_reading_of_the_documentation(emulated: Emulated, options: RosettaOptions) -> None:
    """Whichever way the vendor meant what it left open, tasks, failed and missing scenes come out alike."""
    emulated.sandbox.options = options
    emulated.sandbox.store.fail_scene("request", SCENES[0])
    nobody = [rosetta("nobody"), rosetta(SCENES[1], "nobody"), rosetta(SCENES[1], campaign_id="nobody")]

    for wanted in (REFERENCES[:2], REFERENCES):
        outcomes = await emulated.client.fetch(wanted)
        assert [outcome.status for outcome in outcomes if isinstance(outcome, Task)] == [
            TaskStatus.FAILED,
            *[TaskStatus.PENDING] * (len(wanted) - 1),
        ]
    assert await emulated.client.fetch(nobody) == [None, None, None]
    assert await emulated.client.annotation_request("nobody") is None
    assert await emulated.client.tasks_of("nobody") is None


@pytest.mark.parametrize("number", [1, 6])
async def test_scenes_still_importing(emulated: Emulated, number: int) -> None:
    """A scene that waits for its import is pending, alone as in bulk, and a task once it is imported."""
    scenes = [f"late-{place}" for place in range(number)]
    emulated.sandbox.store.add_annotation_request("slow", "campaign", scenes, import_s=60)
    wanted = [rosetta(scene, "slow") for scene in scenes]

    waiting = await emulated.client.fetch(wanted)
    emulated.sandbox.clock.advance(61)
    imported = await emulated.client.fetch(wanted)

    assert [(task.status, task.backend_status) for task in waiting if isinstance(task, Task)] == [
        (TaskStatus.PENDING, None)
    ] * number
    assert [task.backend_status.value for task in imported if isinstance(task, Task) and task.backend_status] == [
        "1"
    ] * number


async def test_campaign_that_is_not_the_requests(emulated: Emulated) -> None:
    """A campaign that exists does not lend its name to another campaign's scenes."""
    emulated.sandbox.store.add_campaign("other")

    outcomes = await emulated.client.fetch([rosetta(scene, campaign_id="other") for scene in SCENES])

    assert outcomes == [None] * len(SCENES)


async def test_clock_that_was_wrong(emulated: Emulated) -> None:
    """A signature that is too old is made again once with the time of then."""
    times = iter([datetime(2026, 3, 1, 11, tzinfo=UTC)] * 2)
    emulated.now = lambda: next(times, START)

    [task] = await emulated.client.fetch(REFERENCES[:1])

    assert isinstance(task, Task)
    assert emulated.asked("/task/get") == 2


async def test_clock_that_stays_wrong(emulated: Emulated) -> None:
    """A host whose clock is an hour behind is refused after two tries."""
    emulated.now = lambda: datetime(2026, 3, 1, 11, tzinfo=UTC)

    [outcome] = await emulated.client.fetch(REFERENCES[:1])

    assert isinstance(outcome, GatewayError)
    assert outcome.code is ErrorCode.BACKEND_REFUSED
    assert emulated.asked("/task/get") == 2


async def test_older_generation(emulated: Emulated) -> None:
    """An installation that answers as the older generation does is found out."""
    emulated.sandbox.options = RosettaOptions(wrong_generation=True)

    outcomes = await emulated.client.fetch(REFERENCES)

    assert {outcome.code for outcome in outcomes if isinstance(outcome, GatewayError)} == {
        ErrorCode.BACKEND_BAD_RESPONSE
    }
    assert len(outcomes) == len(SCENES)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", status=503), ErrorCode.BACKEND_UNAVAILABLE),
        (Fault("status", status=429, retry_after=9), ErrorCode.BACKEND_RATE_LIMITED),
        (Fault("html"), ErrorCode.BACKEND_UNAVAILABLE),
        (Fault("malformed"), ErrorCode.BACKEND_BAD_RESPONSE),
        (Fault("plain_ok"), ErrorCode.BACKEND_BAD_RESPONSE),
    ],
)
async def test_faults_are_values(emulated: Emulated, fault: Fault, code: ErrorCode) -> None:
    """Whatever goes wrong on the way is one failure a reference."""
    emulated.sandbox.faults.add(fault)

    for wanted in (REFERENCES[:2], REFERENCES):
        outcomes = await emulated.client.fetch(wanted)
        assert {outcome.code for outcome in outcomes if isinstance(outcome, GatewayError)} == {code}
        assert len(outcomes) == len(wanted)


async def test_history(emulated: Emulated) -> None:
    """The history of each task tells when it came to be and who worked on it."""
    emulated.sandbox.clock.advance(60)
    emulated.sandbox.store.set_status("request", SCENES[0], 3, worker="worker-7")

    request = await emulated.client.annotation_request("request")
    history = await emulated.client.history("request")

    assert request is not None
    assert history is not None
    events = history[request.task_ids[SCENES[0]]]
    assert (events[0].action, events[0].at) == (TaskEventAction.CREATED, START)
    assert events[-1].person == "worker-7"
    assert set(history) == set(request.task_ids.values())


async def test_schedule(emulated: Emulated) -> None:
    """The schedule counts what is in the completion pool and names its files."""
    emulated.sandbox.store.complete("request", SCENES[0])

    schedule = await emulated.client.schedule("request")

    assert schedule is not None
    assert list(schedule.delivered_files) == [SCENES[0]]
    assert schedule.completed_percent == pytest.approx(100 / 7, abs=0.01)


async def test_campaigns(emulated: Emulated) -> None:
    """A campaign whose name has a slash is found by name and in its folder."""
    found = await emulated.client.campaign("a/b 車両")

    assert found is not None
    assert found.campaign_id == "campaign"
    assert await emulated.client.campaigns_of_folder("Road Scenes") == (found,)
    assert await emulated.client.campaign("campaign") is None
    assert await emulated.client.campaigns_of_folder("nowhere") is None
    assert await emulated.client.frames("campaign") is not None
    assert await emulated.client.frames("nobody") is None
    assert await emulated.client.system_status() == ("All systems are operational",)


async def test_whole_request(emulated: Emulated) -> None:
    """All tasks of a large request come in its pages and in the order of its scenes."""
    scenes = [f"s{number}" for number in range(230)]
    emulated.sandbox.store.add_annotation_request("large", "campaign", scenes)

    found = await emulated.client.tasks_of("large")

    assert found is not None
    assert list(found.outcomes) == scenes
    assert all(isinstance(task, Task) for task in found.outcomes.values())
    assert emulated.asked("/statistics") == 3
