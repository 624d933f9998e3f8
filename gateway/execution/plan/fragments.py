"""Fragments: the JSON of a task as one selection shows it, kept by the task itself, and gone with it."""

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from orjson import Fragment, dumps

from gateway.execution.plan.irregular import IrregularError
from schema.task import Task

if TYPE_CHECKING:
    from gateway.execution.plan.calls import Run

_MOST_SELECTIONS = 4
# What one fragment takes besides its text: the object, the bytes' header, a place in a dictionary.
_OVERHEAD_BYTES = 150


class TaskFragments(dict[int, Fragment]):
    """One task's JSON by selection."""

    __slots__ = ("__weakref__", "bytes")

    # Told apart by identity, so that a WeakSet can hold them. mypy asks for a method where a function of object's is.
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0


class Fragments:
    """Keeps what was rendered of tasks shown more than once, in at most about `max_bytes`."""

    def __init__(self, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: WeakSet[TaskFragments] = WeakSet()
        self._selections = count()
        # A task shown once holds this one: most are never shown again.
        self._seen = TaskFragments()

    def are_kept_by(self, class_: type) -> bool:
        """Whether objects of the class hold fragments."""
        return class_ is Task

    def keeping(self, render: "Callable[[Any, Run], Any]") -> "tuple[Callable[[Any, Run], Any], int]":
        """`render`, which depends on the task alone, answered from the task's fragments where it has one.

        And the number of the selection, under which `task.rendered` holds that.
        """
        selection, seen = next(self._selections), self._seen

        def kept(task: Any, run: "Run") -> Any:
            if task.__class__ is not Task:
                raise IrregularError
            rendered: Any = task.rendered
            if rendered is None:
                task.rendered = seen
                return render(task, run)
            fragment = rendered.get(selection)
            if fragment is None:
                text = dumps(render(task, run))
                fragment = Fragment(text)
                self._keep(task, selection, fragment, len(text) + _OVERHEAD_BYTES)
            return fragment

        return kept, selection

    def _keep(self, task: Task, selection: int, fragment: Fragment, size: int) -> None:
        rendered = task.rendered
        if isinstance(rendered, TaskFragments) and rendered is not self._seen:
            fragments = rendered
        else:
            task.rendered = fragments = TaskFragments()
            self._kept.add(fragments)
        if len(fragments) >= _MOST_SELECTIONS:
            self._bytes -= fragments.bytes
            fragments.clear()
            fragments.bytes = 0
        fragments[selection] = fragment
        fragments.bytes += size
        self._bytes += size
        if self._bytes > self._max_bytes:
            self._shrink()

    def _shrink(self) -> None:
        """Counts what is left once tasks have gone; all of it goes where that is still too much."""
        kept = list(self._kept)
        self._bytes = sum(fragments.bytes for fragments in kept)
        if self._bytes <= self._max_bytes // 2:
            return
        for fragments in kept:
            fragments.clear()
            fragments.bytes = 0
        self._bytes = 0
