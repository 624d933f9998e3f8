"""How queries are spelt."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.backends.scale import STATUS_WORDS, BatchQuery, TaskQuery
from gateway.backends.scale.queries import in_calls
from schema.status import ReviewStatus, TaskStatus

DAY = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_every_filter_of_tasks() -> None:
    """Each filter has its documented name; lists are repeated keys, review words one key with commas."""
    query = TaskQuery(
        start_time=DAY,
        end_time=DAY + timedelta(days=1),
        completed_after=DAY + timedelta(days=2),
        completed_before=DAY + timedelta(days=3),
        updated_after=DAY + timedelta(days=4),
        updated_before=DAY.astimezone(timezone(timedelta(hours=8))),
        status=TaskStatus.FAILED,
        type="imageannotation",
        project="a b/c",
        batch="x",
        review_statuses=(ReviewStatus.FIXED, ReviewStatus.COMMENTED),
        unique_ids=("1", "2"),
        tags=("t", "u"),
        limit=7,
        next_token="abc",
    )

    assert query.pairs() == [
        ("start_time", "2026-03-01T12:00:00.123Z"),
        ("end_time", "2026-03-02T12:00:00.123Z"),
        ("completed_after", "2026-03-03T12:00:00.123Z"),
        ("completed_before", "2026-03-04T12:00:00.123Z"),
        ("updated_after", "2026-03-05T12:00:00.123Z"),
        ("updated_before", "2026-03-01T12:00:00.123Z"),
        ("status", "error"),
        ("type", "imageannotation"),
        ("project", "a b/c"),
        ("batch", "x"),
        ("customer_review_status", "fixed,commented"),
        ("unique_id", "1"),
        ("unique_id", "2"),
        ("tags", "t"),
        ("tags", "u"),
        ("limit", "7"),
        ("include_attachment_url", "false"),
        ("next_token", "abc"),
    ]


def test_defaults_of_tasks() -> None:
    """Without filters a whole page is asked for, and never addresses of attachments."""
    assert TaskQuery().pairs() == [("limit", "100"), ("include_attachment_url", "false")]
    assert ("limited_response", "true") in TaskQuery().pairs(limited=True)


def test_statuses_that_scale_has_words_for() -> None:
    """The other statuses cannot be asked of Scale, rather than be ignored."""
    askable = {TaskStatus.PENDING, TaskStatus.COMPLETED, TaskStatus.CANCELED, TaskStatus.FAILED}

    assert set(STATUS_WORDS) == askable
    for status in set(TaskStatus) - askable:
        with pytest.raises(ValueError, match=status.name):
            TaskQuery(status=status)
    with pytest.raises(ValueError, match="UNKNOWN"):
        TaskQuery(review_statuses=(ReviewStatus.UNKNOWN,))


@pytest.mark.parametrize("limit", [0, 101, -1])
def test_limits_that_scale_refuses(limit: int) -> None:
    """A page has 1 to 100 entries."""
    with pytest.raises(ValueError, match="limit"):
        TaskQuery(limit=limit)
    with pytest.raises(ValueError, match="limit"):
        BatchQuery(limit=limit)


def test_times_need_a_zone() -> None:
    """A time without a zone would be read in the host's."""
    with pytest.raises(ValueError, match="start_time"):
        TaskQuery(start_time=datetime(2026, 3, 1)).pairs()  # noqa: DTZ001 - the case itself


def test_every_filter_of_batches() -> None:
    """Batches are counted off by a row offset."""
    query = BatchQuery(
        project="cows",
        status="in_progress",
        start_time=DAY,
        end_time=DAY,
        completed_after=DAY,
        completed_before=DAY,
        exclude_archived=True,
        limit=5,
        offset=10,
    )

    moment = "2026-03-01T12:00:00.123Z"
    assert query.pairs() == [
        ("project", "cows"),
        ("status", "in_progress"),
        ("start_time", moment),
        ("end_time", moment),
        ("completed_after", moment),
        ("completed_before", moment),
        ("exclude_archived", "true"),
        ("limit", "5"),
        ("offset", "10"),
    ]
    assert BatchQuery().pairs() == [("limit", "100"), ("offset", "0")]
    with pytest.raises(ValueError, match="offset"):
        BatchQuery(offset=-1)


def test_unique_ids_go_fifty_a_call() -> None:
    """50 ids share a call, the order is kept and none is lost."""
    ids = [f"s3://bucket/some/folder/frame-{i:06}.png" for i in range(120)]

    groups = list(in_calls(ids))

    assert [len(group) for group in groups] == [50, 50, 20]
    assert [unique_id for group in groups for unique_id in group] == ids
    assert list(in_calls([])) == []


def test_very_long_unique_ids_share_a_call_only_while_the_address_stays_short() -> None:
    """Ids of 2048 bytes, three times that when encoded, would make an address of 300 KB."""
    ids = [f"{i:02}" + "車" * 682 for i in range(5)]

    assert [len(group) for group in in_calls(ids)] == [1, 1, 1, 1, 1]
