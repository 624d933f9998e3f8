"""The judge: graphql-core goes on from what a plan's attempt has learnt, so that no backend is asked twice."""

from collections.abc import Callable
from typing import Any

from graphql.execution import MiddlewareManager

from gateway.execution.plan.calls import CallOutcome, Outcomes


def replaying(outcomes: Outcomes) -> MiddlewareManager | None:
    """Resolvers that were called already come to the same again; None where none was."""
    if not outcomes:
        return None

    def replay(resolve: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        outcome = outcomes.get(tuple(info.path.as_list()))
        return resolve(source, info, **arguments) if outcome is None else _come_to(outcome)

    return MiddlewareManager(replay)


async def _come_to(outcome: CallOutcome) -> Any:
    succeeded, value = outcome
    if not succeeded:
        raise value
    return value
