"""What happens to tasks without their owner: work starts, ends, fails, is redone and audited, as time passes."""

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.store import ScaleStore, TaskRow

_AUDITORS = ("maria.lopez@scale.com", "j.okafor@scale.com", "yuki.tanaka@scale.com")
_MOST_AT_ONCE = 50
_PICKS = 20


class Lifecycle:
    """Moves tasks: some on a timetable, the others at random, at a moderate rate.

    The same clock readings and the same tasks give the same moves.
    """

    def __init__(self, store: ScaleStore, clock: SandboxClock, options: ScaleOptions) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        self._rng = random.Random(options.random_seed)  # noqa: S311 - made-up work, not secrets
        self._timetable: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._stepped_at = clock.now()
        self._owed = 0.0

    def follow(self, row: TaskRow) -> None:
        """Puts a newly created task on the timetable: work starts, then it completes."""
        self._after(self._options.created_start_s, lambda: self._start(row.task_id))
        self._after(self._options.created_complete_s, lambda: self._complete(row.task_id))

    def swing(self, task_id: str, period_s: float = 20.0) -> None:
        """Completes the task and recalls it in turn, every `period_s` seconds, for ever."""
        self._after(period_s, lambda: self._swing(task_id, period_s))

    def step(self) -> None:
        """Makes every move that is due at the clock's current time."""
        now = self._clock.now()
        while self._timetable and self._timetable[0][0] <= now:
            heapq.heappop(self._timetable)[2]()
        passed_s = max((now - self._stepped_at).total_seconds(), 0.0)
        self._stepped_at = now
        self._owed += passed_s * self._options.moves_per_s
        moves = int(self._owed)
        self._owed -= moves
        for _ in range(min(moves, _MOST_AT_ONCE)):
            self._move()

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        due = self._clock.now() + timedelta(seconds=seconds)
        heapq.heappush(self._timetable, (due, next(self._order), action))

    def _move(self) -> None:
        chance = self._rng.random()
        if chance < 0.60:
            self._work_on(self._pick("pending"))
        elif chance < 0.80:
            self._recall(self._pick("completed"))
        else:
            self._audit(self._pick("completed"))

    def _pick(self, status: str) -> TaskRow | None:
        keys = self._store.with_status(status)
        for _ in range(_PICKS if keys else 0):
            row = self._store.get(keys[self._rng.randrange(len(keys))][1])
            if row.moves:
                return row
        return None

    def _work_on(self, row: TaskRow | None) -> None:
        if row is None:
            return
        if not row.work_started:
            self._store.start(row.task_id)
        elif self._rng.random() < 0.1:
            self._store.fail(row.task_id)
        else:
            self._store.complete(row.task_id)

    def _recall(self, row: TaskRow | None) -> None:
        if row is not None:
            self._store.recall(row.task_id)

    def _audit(self, row: TaskRow | None) -> None:
        if row is None:
            return
        result = self._rng.choice(("accepted", "accepted", "fixed", "rejected"))
        if self._rng.random() < 0.5:
            self._store.audit(row.task_id, result, by=self._options.account_email, source="customer")
        else:
            self._store.audit(row.task_id, result, by=self._rng.choice(_AUDITORS), source="scale")

    def _start(self, task_id: str) -> None:
        if self._is(task_id, "pending"):
            self._store.start(task_id)

    def _complete(self, task_id: str) -> None:
        if self._is(task_id, "pending"):
            self._store.complete(task_id)

    def _swing(self, task_id: str, period_s: float) -> None:
        if self._is(task_id, "completed"):
            self._store.recall(task_id)
        elif self._is(task_id, "pending"):
            self._store.complete(task_id)
        self.swing(task_id, period_s)

    def _is(self, task_id: str, status: str) -> bool:
        row = self._store.find(task_id)
        return row is not None and row.record.get("status") == status
