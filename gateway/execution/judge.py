"""The judge: graphql-core goes on from what a plan's attempt has learnt, so that no backend is asked twice."""

from collections.abc import Callable, Generator
from typing import Any

from graphql.execution import MiddlewareManager

from gateway.execution.plan.calls import CallOutcome, Outcomes


def replaying(outcomes: Outcomes) -> MiddlewareManager | None:
    """Resolvers that were called already come to the same again; None where none was."""
    if not outcomes:
        return None

    def replay(resolve: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        outcome = outcomes.get(tuple(info.path.as_list()))
        return resolve(source, info, **arguments) if outcome is None else _Replay(outcome)

    return MiddlewareManager(replay)


class _Replay:
    """An outcome to be awaited. Not a coroutine: graphql-core leaves some of what it may await alone when a field
    beside it fails, and Python warns of a coroutine that nobody awaited.
    """

    __slots__ = ("_outcome",)

    def __init__(self, outcome: CallOutcome) -> None:
        self._outcome = outcome

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()  # makes this a generator, which is what may be awaited
        succeeded, value = self._outcome
        if not succeeded:
            raise value
        return value
