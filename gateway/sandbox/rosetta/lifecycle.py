"""How tasks move by themselves: 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 16, now and then backwards.

The forward moves and their actions follow the vendor's status and action tables; the share of rejects is ours.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from gateway.sandbox.rosetta.records import Pace, SceneTask
from gateway.sandbox.rosetta.vocabulary import Action, Status


@dataclass(frozen=True, slots=True)
class Move:
    """A change of status, with the action written down for it, if anybody acts."""

    status: int
    action: Action | None


FORWARD: Final[dict[int, Move]] = {
    Status.CREATED: Move(Status.WAITING_FOR_ANNOTATION, Action.DISTRIBUTE),
    Status.WAITING_FOR_ANNOTATION: Move(Status.ANNOTATING, Action.ACCEPT),
    Status.ANNOTATING: Move(Status.ANNOTATED, Action.SUBMIT),
    Status.ANNOTATED: Move(Status.WAITING_FOR_REVIEW, None),
    Status.WAITING_FOR_REVIEW: Move(Status.REVIEWING, Action.ACCEPT),
    Status.REVIEWING: Move(Status.WAITING_FOR_QC, Action.CHECK),
    Status.WAITING_FOR_QC: Move(Status.IN_QC, Action.ACCEPT),
    Status.IN_QC: Move(Status.QC_DONE, Action.SAMPLING),
    Status.QC_DONE: Move(Status.APPROVED, None),
    Status.APPROVED: Move(Status.CONVERTED, None),
}

SIDEWAYS: Final[dict[int, tuple[Move, ...]]] = {
    Status.ANNOTATING: (Move(Status.WAITING_FOR_ANNOTATION, Action.RELEASE),),
    Status.REVIEWING: (Move(Status.WAITING_FOR_ANNOTATION, Action.RETURN),),
    Status.IN_QC: (
        Move(Status.WAITING_FOR_REVIEW, Action.REJECT),
        Move(Status.WAITING_FOR_ANNOTATION, Action.REJECT),
        Move(Status.WAITING_FOR_QC, Action.DISSOLVE),
    ),
    Status.APPROVED: (
        Move(Status.WAITING_FOR_QC, Action.BACK_TASK),
        Move(Status.CONVERSION_FAILED, None),
    ),
}
"""The other ways out of a state: released, returned, rejected, taken back, not converted."""

BACK_TASK: Final = Move(Status.WAITING_FOR_QC, Action.BACK_TASK)
FAILED_CONVERSION: Final = (Status.APPROVED, Status.CONVERSION_FAILED)
SIDEWAYS_SHARE: Final = 0.12


def usual_action(status: int) -> Action | None:
    """The action that leads forward to a status; None when it is reached without one, or unknown."""
    if status == Status.CREATED:
        return Action.INITIALIZATION
    return next((move.action for move in FORWARD.values() if move.status == status), None)


def path_to(status: int) -> list[Move]:
    """The moves from creation to a status; an unlisted status is entered from the listed one below it."""
    path: list[Move] = []
    current: int = Status.CREATED
    while current != status:
        move = FORWARD.get(current)
        if move is None or move.status > status or (current, status) == FAILED_CONVERSION:
            return [*path, Move(status, None)]
        path.append(move)
        current = move.status
    return path


class Mover(Protocol):
    """What the lifecycle needs of the store."""

    def tasks(self) -> Iterable[SceneTask]: ...

    def move(self, task: SceneTask, status: int, *, action: Action | None) -> None: ...


class Lifecycle:
    """Moves each task whose time has come by one status; the same seed makes the same moves."""

    def __init__(self, store: Mover, *, seed: int = 20250325) -> None:
        self._store = store
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def step(self, now: datetime) -> list[SceneTask]:
        """Moves what is due and returns it. However late, a task moves once a step."""
        due = [task for task in self._store.tasks() if task.moves_at is not None and task.moves_at <= now]
        return [task for task in due if self._advance(task, now)]

    def _advance(self, task: SceneTask, now: datetime) -> bool:
        move = self._next_move(task)
        if move is None or task.pace is None:
            task.moves_at = None
            return False
        self._store.move(task, move.status, action=move.action)
        task.moves_at = now + self._rest(task.pace)
        return True

    def _next_move(self, task: SceneTask) -> Move | None:
        sideways = SIDEWAYS.get(task.status)
        if sideways is not None and self._chance.random() < SIDEWAYS_SHARE:
            return self._chance.choice(sideways)
        forward = FORWARD.get(task.status)
        if forward is None and task.pace is not None and task.pace.restless:
            return BACK_TASK
        return forward

    def _rest(self, pace: Pace) -> timedelta:
        return timedelta(seconds=self._chance.uniform(pace.min_s, pace.max_s))
