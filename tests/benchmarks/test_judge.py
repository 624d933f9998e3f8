"""The judge of the chaos finds what is wrong, and only that."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.running.backends import History
from benchmarks.running.judge import Judge, unexpected
from benchmarks.running.load import Sent

FRESH_S, READING_S, SLACK_S = 2.0, 2.0, 0.5
AGO_S = 100.0
# One moment for all that these tests tell, by both clocks.
STEADY, EPOCH = time.monotonic(), time.time()


def judge() -> Judge:
    """Of a task that was pending until 100 s ago, and is completed since."""
    history = History()
    completed_at = STEADY - AGO_S
    history.note("a", 0, 0, "PENDING")
    history.note("a", completed_at, completed_at, "COMPLETED")
    return Judge(history, ["a"], fresh_s=FRESH_S, reading_s=READING_S, slack_s=SLACK_S)


def told(status: str, read_ago_s: float, *, is_stale: bool = False, task_id: str = "a") -> dict[str, Any]:
    """A task as the gateway answers it now."""
    read_at = datetime.fromtimestamp(EPOCH - read_ago_s, UTC).isoformat().replace("+00:00", "Z")
    names = {"scaleTaskId": task_id, "sceneId": None}
    return {"__typename": "Task", **names, "status": status, "isStale": is_stale, "fetchedAt": read_at}


def sent(answer: dict[str, Any] | None, status: int = 200) -> Sent:
    """An operation that asked for the task 100 ms ago and was answered now."""
    return Sent(STEADY - 0.1, STEADY, status, answer, ["a"])


def page(*nodes: dict[str, Any], failures: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"nodes": list(nodes), "failures": [{"code": code} for code in failures]}


def answer(*items: dict[str, Any], listed: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"data": {"lookupTasks": list(items), "scale": listed or page(), "rosetta": page()}}


@pytest.mark.parametrize(
    "item",
    [
        told("COMPLETED", 0.05),
        told("COMPLETED", 2.0),
        told("COMPLETED", 50, is_stale=True),
        told("PENDING", AGO_S + 20, is_stale=True),
        {"__typename": "BackendError", "code": "BACKEND_TIMEOUT"},
    ],
)
def test_what_was_so_is_right(item: dict[str, Any]) -> None:
    """A state inside its freshness, an older one that is marked stale, and a vendor's failure."""
    one = judge()

    one.hear(sent(answer(item)))

    assert one.wrong == []


@pytest.mark.parametrize(
    "item",
    [
        told("PENDING", 0.05),
        told("PENDING", 50, is_stale=True),
        told("COMPLETED", AGO_S + 20, is_stale=True),
        told("COMPLETED", 3.0),
        told("COMPLETED", 0.05, task_id="b"),
        {"__typename": "BackendError", "code": "INTERNAL"},
        {"__typename": "TaskNotFoundError", "code": "NOT_FOUND"},
    ],
)
def test_what_was_not_so_is_wrong(item: dict[str, Any]) -> None:
    """Another state than it had when it was read, an old one that is called fresh, another task, a bug."""
    one = judge()

    one.hear(sent(answer(item)))

    assert len(one.wrong) == 1


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        (page(told("COMPLETED", 0.05), failures=("BACKEND_TIMEOUT",)), 0),
        (page(told("FAILED", 0.05, task_id="nobody's")), 0),
        (page(told("PENDING", 0.05)), 1),
        (page(told("COMPLETED", 3.0)), 1),
        (page(failures=("INTERNAL",)), 1),
    ],
)
def test_pages_are_judged(listed: dict[str, Any], wrong: int) -> None:
    """What a list holds must be so too; a task whose history nobody writes is not judged."""
    one = judge()

    one.hear(sent(answer(told("COMPLETED", 0.05), listed=listed)))

    assert len(one.wrong) == wrong


@pytest.mark.parametrize(
    ("what", "status"),
    [
        (None, 0),
        ({"errors": [{"message": "overloaded"}]}, 503),
        ({"data": {"lookupTasks": None}}, 200),
        (answer(), 200),
        ({"data": {**answer(told("COMPLETED", 0.05))["data"], "rosetta": None}}, 200),
        ({**answer(told("COMPLETED", 0.05)), "errors": [{"message": "Internal error"}]}, 200),
    ],
)
def test_no_whole_answer_is_wrong(what: dict[str, Any] | None, status: int) -> None:
    """Every operation is answered, with every task that it asked for and nothing else."""
    one = judge()

    one.hear(sent(what, status))

    assert len(one.wrong) == 1


def test_what_a_log_may_hold() -> None:
    """Lines of operations and warnings; no error, no exception, no text that no logger wrote."""
    fine = [json.dumps({"event": "operation", "level": level}) for level in ("info", "warning")]
    bad = [
        json.dumps({"event": "unexpected error", "level": "error"}),
        json.dumps({"event": "lost", "level": "warning", "exception": "Traceback"}),
        "RuntimeWarning: coroutine 'read' was never awaited",
    ]

    assert unexpected("\n".join([*fine, *bad])) == bad


def test_the_history_knows_what_a_task_was() -> None:
    """The judge of all answers finds a status that was, and none that was not, at a given time."""
    history = History()
    history.note("a", 0, 1, "PENDING")
    history.note("a", 10, 11, "COMPLETED")

    assert history.could_be("a", "PENDING", 2, 3)
    assert history.could_be("a", "PENDING", 11, 12)
    assert not history.could_be("a", "PENDING", 12, 13)
    assert not history.could_be("a", "COMPLETED", 2, 9)
    assert history.could_be("a", "COMPLETED", 2, 10)
