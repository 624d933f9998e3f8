"""Which queries of Scale's list a filter becomes: decisions only.

A query has room for one status, and for 50 unique ids. Several statuses are several queries, merged; where the wanted
ones leave nothing useful out, or one of them has no word at Scale (UNKNOWN), one query without a status is filtered on
our side. Statuses that Scale never says ask for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.backends.scale import REVIEW_WORDS, STATUS_WORDS, TaskQuery, in_calls
from schema.filter import Span, TaskCriteria
from schema.status import ReviewStatus, TaskStatus

_MILLISECOND = timedelta(milliseconds=1)
WORDS = frozenset(STATUS_WORDS)


@dataclass(frozen=True)
class ScalePlan:
    """The queries whose answers make Scale's part. `filters`: what they bring must be filtered to tell how many fit.

    `scans`: probably most of it does not fit.
    """

    queries: tuple[TaskQuery, ...]
    filters: bool
    scans: bool


def plan_of(criteria: TaskCriteria, *, knows_error: bool = True) -> ScalePlan:
    """The plan. Without `knows_error` Scale refuses `status=error`, which its documentation does not list."""
    statuses, filters, scans = _statuses(criteria.statuses, knows_error)
    base = base_query(criteria)
    unknown_review = filters_reviews(criteria)
    if base is None:
        return ScalePlan((), filters=False, scans=False)
    groups = [()] if criteria.unique_ids is None else list(in_calls(criteria.unique_ids))
    queries = tuple(replace(base, status=status, unique_ids=unique_ids) for status in statuses for unique_ids in groups)
    return ScalePlan(queries, filters=filters or unknown_review, scans=scans or unknown_review)


def base_query(criteria: TaskCriteria) -> TaskQuery | None:
    """All but statuses and unique ids; None where a span holds no moment that there is."""
    try:
        created, updated, completed = (
            _bounds(span) for span in (criteria.created, criteria.updated, criteria.completed)
        )
    except OverflowError:
        return None
    return TaskQuery(
        start_time=created[0],
        end_time=created[1],
        updated_after=updated[0],
        updated_before=updated[1],
        completed_after=completed[0],
        completed_before=completed[1],
        project=criteria.project,
        batch=criteria.batch,
        type=criteria.type,
        tags=() if criteria.tag is None else (criteria.tag,),
        review_statuses=() if filters_reviews(criteria) else _reviews(criteria),
    )


def _statuses(
    wanted: frozenset[TaskStatus] | None, knows_error: bool
) -> tuple[Sequence[TaskStatus | None], bool, bool]:
    """The status of each query, whether their answers must be filtered, and whether most will not fit."""
    if wanted is None:
        return (None,), False, False
    words = wanted & WORDS
    if TaskStatus.UNKNOWN in wanted or (TaskStatus.FAILED in wanted and not knows_error):
        return (None,), True, True
    if words == WORDS:
        return (None,), True, False
    return sorted(words, key=lambda status: status.name), False, False


def _reviews(criteria: TaskCriteria) -> tuple[ReviewStatus, ...]:
    return tuple(sorted(criteria.review_statuses or (), key=lambda status: status.name))


def filters_reviews(criteria: TaskCriteria) -> bool:
    """Whether review statuses are wanted that Scale has no word for."""
    return criteria.review_statuses is not None and not criteria.review_statuses <= REVIEW_WORDS.keys()


def _bounds(span: Span | None) -> tuple[datetime | None, datetime | None]:
    """Both bounds as Scale takes them: inclusive, in whole milliseconds. Raises OverflowError beyond the calendar."""
    if span is None:
        return None, None
    earliest = None if span.gte is None else _rounded_up(span.gte)
    latest = None if span.lt is None else _rounded_up(span.lt) - _MILLISECOND
    return earliest, latest


def _rounded_up(moment: datetime) -> datetime:
    beyond = timedelta(microseconds=moment.microsecond % 1000)
    return moment - beyond + _MILLISECOND if beyond else moment
