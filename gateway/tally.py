"""Tally: what one operation caused. Carried by the context in which its work runs."""

from contextvars import ContextVar
from dataclasses import dataclass

from schema.backend import Backend
from schema.errors import ErrorCode


@dataclass(slots=True)
class Tally:
    """`calls` counts the requests to backends that this operation was the first to ask for."""

    calls: int = 0


_current: ContextVar[Tally | None] = ContextVar("tally", default=None)


def new_tally() -> Tally:
    """The tally of everything that the running task, and the tasks that it starts, cause from now on."""
    tally = Tally()
    _current.set(tally)
    return tally


class TallyKeeper:
    """Hears of every call to a backend (`CallObserver`) and puts it down to its operation."""

    def called(self, backend: Backend, endpoint: str, failure: ErrorCode | None, seconds: float) -> None:
        tally = _current.get()
        if tally is not None:
            tally.calls += 1

    def misfit(self, backend: Backend, field: str) -> None:
        """No operation's matter."""
