"""Which queries a filter becomes."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.listing.scale_plan import plan_of
from schema.filter import Span, TaskCriteria
from schema.status import ReviewStatus, TaskStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "queries", "filters", "scans"),
    [
        (None, [None], False, False),
        ({TaskStatus.PENDING}, [TaskStatus.PENDING], False, False),
        ({TaskStatus.PENDING, TaskStatus.IN_QC}, [TaskStatus.PENDING], False, False),
        ({TaskStatus.PENDING, TaskStatus.COMPLETED}, [TaskStatus.COMPLETED, TaskStatus.PENDING], False, False),
        ({TaskStatus.IN_REVIEW, TaskStatus.DELIVERY_FAILED}, [], False, False),
        ({TaskStatus.UNKNOWN, TaskStatus.PENDING}, [None], True, True),
        (
            {TaskStatus.PENDING, TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELED},
            [None],
            True,
            False,
        ),
    ],
)
def test_statuses(
    statuses: set[TaskStatus] | None, queries: list[TaskStatus | None], filters: bool, scans: bool
) -> None:
    """One query a status that Scale has a word for; one without where that cannot say it."""
    plan = plan_of(TaskCriteria(statuses=None if statuses is None else frozenset(statuses)))

    assert [query.status for query in plan.queries] == queries
    assert (plan.filters, plan.scans) == (filters, scans)


def test_failed_without_the_filter() -> None:
    """Where Scale refuses `status=error`, failed tasks are looked for among all."""
    plan = plan_of(TaskCriteria(statuses=frozenset({TaskStatus.FAILED})), knows_error=False)

    assert [query.status for query in plan.queries] == [None]
    assert plan.scans


def test_unique_ids_are_50_a_query() -> None:
    """Unique ids go 50 a query, for each status."""
    ids = tuple(f"id {number}" for number in range(70))
    plan = plan_of(TaskCriteria(unique_ids=ids, statuses=frozenset({TaskStatus.PENDING, TaskStatus.CANCELED})))

    assert [len(query.unique_ids) for query in plan.queries] == [50, 20, 50, 20]


def test_spans_are_inclusive_milliseconds() -> None:
    """An end that is not included is a millisecond earlier; a bound within a millisecond is the next whole one."""
    within = timedelta(microseconds=300)
    (query,) = plan_of(TaskCriteria(created=Span(NOON + within, NOON + within), updated=Span(None, NOON))).queries

    assert query.start_time == NOON + timedelta(milliseconds=1)
    assert query.end_time == NOON
    assert (query.updated_after, query.updated_before) == (None, NOON - timedelta(milliseconds=1))


def test_beyond_the_calendar() -> None:
    """A span that ends before time begins asks for nothing."""
    plan = plan_of(TaskCriteria(created=Span(None, datetime.min.replace(tzinfo=UTC))))

    assert plan.queries == ()


def test_review_without_a_word() -> None:
    """A review status that Scale has no word for is looked for here; the others are sent."""
    unknown = plan_of(TaskCriteria(review_statuses=frozenset({ReviewStatus.UNKNOWN, ReviewStatus.FIXED})))
    known = plan_of(TaskCriteria(review_statuses=frozenset({ReviewStatus.FIXED, ReviewStatus.ACCEPTED})))

    assert (unknown.queries[0].review_statuses, unknown.scans) == ((), True)
    assert known.queries[0].review_statuses == (ReviewStatus.ACCEPTED, ReviewStatus.FIXED)
