"""The judge: holds each answer against the emulators' history, and each line of a log against what may be logged."""

import json
import time
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from benchmarks.running.backends import History
from benchmarks.running.load import Sent
from gateway.sandbox.rosetta.seed import DEMO_REQUEST

QUERY = f"""query Look($ids: [TaskBy!]!) {{
  lookupTasks(by: $ids) {{ __typename ...State ... on TaskError {{ code }} }}
  scale: tasks(first: 10, filter: {{backendIn: [SCALE]}}) {{ ...Page }}
  rosetta: tasks(first: 10, filter: {{backendIn: [ROSETTA], annotationRequestIdIn: ["{DEMO_REQUEST}"]}}) {{ ...Page }}
}}
fragment Page on TaskConnection {{ nodes {{ __typename ...State }} failures {{ code }} }}
fragment State on Task {{ scaleTaskId sceneId status isStale fetchedAt }}"""

# What may be said of a task instead of its state while its vendor fails.
_FAILURES = frozenset({"BACKEND_UNAVAILABLE", "BACKEND_TIMEOUT", "BACKEND_RATE_LIMITED", "BACKEND_BAD_RESPONSE"})


class Judge:
    """Hears answers to QUERY. `wrong` are those that were not true, in words.

    A task that is fresh was read within `fresh_s` before the question or later. Fresh or stale, it had its status at
    a moment of that reading, which took at most `reading_s`. `slack_s` is what a slow machine may add.
    """

    def __init__(
        self, history: History, of_scale: Collection[str], *, fresh_s: float, reading_s: float, slack_s: float
    ) -> None:
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._history = history
        self._of_scale = frozenset(of_scale)
        self._fresh_s, self._reading_s, self._slack_s = fresh_s, reading_s, slack_s
        # The gateway tells the wall clock's time, the history has the steady clock's.
        self._steady_at_epoch = time.monotonic() - time.time()

    def hear(self, sent: Sent) -> None:
        answer = sent.answer or {}
        self.seen["answers"] += 1
        data = answer.get("data") or {}
        items = data.get("lookupTasks")
        if sent.status != 200 or "errors" in answer or items is None or len(items) != len(sent.names):
            self.wrong.append(f"HTTP {sent.status} after {sent.seconds:.1f} s: {str(answer)[:300]}")
            return
        for name, item in zip(sent.names, items, strict=True):
            self._judge(name, item, sent)
        for backend in ("scale", "rosetta"):
            self._judge_page(backend.title(), data[backend], sent)

    def _judge_page(self, backend: str, page: Mapping[str, Any] | None, sent: Sent) -> None:
        if page is None:
            self.wrong.append(f"no page of {backend}")
            return
        for failure in page["failures"]:
            self._judge_failure(f"{backend}, listed", failure)
        for node in page["nodes"]:
            name = _name(node)
            # The emulators hold others too, whose history nobody writes.
            if name in self._history.changes:
                self._judge_task(f"{backend}, listed", name, node, sent)

    def _judge(self, name: str, item: Mapping[str, Any], sent: Sent) -> None:
        backend = "Scale" if name in self._of_scale else "Rosetta"
        if item["__typename"] != "Task":
            self._judge_failure(backend, item)
        elif _name(item) != name:
            self.wrong.append(f"{name}: {item}, another task")
        else:
            self._judge_task(backend, name, item, sent)

    def _judge_failure(self, of: str, failure: Mapping[str, Any]) -> None:
        self.seen[f"{of}: {failure['code']}"] += 1
        if failure["code"] not in _FAILURES:
            self.wrong.append(f"{of}: {failure}")

    def _judge_task(self, of: str, name: str, task: Mapping[str, Any], sent: Sent) -> None:
        self.seen[f"{of}: {'stale' if task['isStale'] else 'fresh'}"] += 1
        read_at = datetime.fromisoformat(task["fetchedAt"]).timestamp() + self._steady_at_epoch
        if not task["isStale"] and read_at < sent.sent_at - self._fresh_s - self._slack_s:
            self.wrong.append(f"{of}, {name}: {task}, read {sent.sent_at - read_at:.1f} s before and not marked stale")
        since, until = read_at - self._reading_s - self._slack_s, min(read_at + self._slack_s, sent.answered_at)
        if not self._history.could_be(name, task["status"], since, until):
            self.wrong.append(f"{of}, {name}: {task}, which it was not between {since:.2f} and {until:.2f}")


def _name(task: Mapping[str, Any]) -> str:
    return str(task["scaleTaskId"] or task["sceneId"])


def unexpected(log: str) -> list[str]:
    """The lines of a gateway's JSON log that tell of something nobody expected: errors, exceptions, foreign text."""
    return [line for line in log.splitlines() if not _is_expected(line)]


def _is_expected(line: str) -> bool:
    try:
        told = json.loads(line)
    except ValueError:
        return False
    return told.get("level") in ("info", "warning") and "exception" not in told and "exc_info" not in told
