"""What one backend has put into a page so far: it stays when time runs out."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from schema.errors import GatewayError
from schema.task import Task

Place = TypeVar("Place")


@dataclass
class Part(Generic[Place]):
    """A backend's tasks for a page, filled as answers come in.

    `end` is the place behind all that was looked at, `behind` the place behind each task. `is_done`: nothing follows.
    `left_out` are failures of single records, `failure` what ended the reading.
    """

    start: Place
    end: Place
    tasks: list[Task] = field(default_factory=list)
    behind: list[Place] = field(default_factory=list)
    is_done: bool = False
    left_out: list[GatewayError] = field(default_factory=list)
    failure: GatewayError | None = None
    total: int | None = None

    def add(self, task: Task, behind: Place) -> None:
        self.tasks.append(task)
        self.behind.append(behind)
        self.end = behind

    def place_behind(self, count: int) -> Place:
        """The place behind the first `count` tasks."""
        if count >= len(self.tasks):
            return self.end
        return self.behind[count - 1] if count else self.start
