"""What can be asked of Scale's lists, and how it is spelt in a query string.

Sources: the vendor's pages on tasks and batches and its Python SDK. Lists are repeated keys for `unique_id` and
`tags`, one key with commas for `customer_review_status`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from gateway.backends.scale.vocabulary import REVIEW_WORDS, STATUS_WORDS
from schema.scalars import format_datetime
from schema.status import ReviewStatus, TaskStatus

MAX_LIMIT = 100

# How many unique ids one call takes is undocumented. Networks in front of servers commonly refuse addresses over 16 KB.
_MAX_IDS_A_CALL = 50
_MAX_ID_CHARACTERS_A_CALL = 12_000

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class TaskQuery:
    """All that is given must hold. Raises ValueError for what Scale cannot be asked; see `STATUS_WORDS`.

    Times need a zone; milliseconds are kept. `start_time` and `end_time` bound the creation. Whether several `tags`
    match any or all is undocumented. `next_token` goes with the very query that it came from.
    """

    start_time: datetime | None = None
    end_time: datetime | None = None
    completed_after: datetime | None = None
    completed_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    status: TaskStatus | None = None
    type: str | None = None
    project: str | None = None
    batch: str | None = None
    review_statuses: tuple[ReviewStatus, ...] = ()
    unique_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    limit: int = MAX_LIMIT
    next_token: str | None = None

    def __post_init__(self) -> None:
        _check_limit(self.limit)
        if self.status is not None and self.status not in STATUS_WORDS:
            raise ValueError(f"Scale has no word for {self.status.name}")
        for review in self.review_statuses:
            if review not in REVIEW_WORDS:
                raise ValueError(f"Scale has no word for the review status {review.name}")

    def pairs(self, *, limited: bool = False) -> Pairs:
        """The query string's parts, in an order of no meaning. `limited` asks for the light form of each record."""
        pairs: Pairs = []
        _add_moment(pairs, "start_time", self.start_time)
        _add_moment(pairs, "end_time", self.end_time)
        _add_moment(pairs, "completed_after", self.completed_after)
        _add_moment(pairs, "completed_before", self.completed_before)
        _add_moment(pairs, "updated_after", self.updated_after)
        _add_moment(pairs, "updated_before", self.updated_before)
        _add(pairs, "status", None if self.status is None else STATUS_WORDS[self.status])
        _add(pairs, "type", self.type)
        _add(pairs, "project", self.project)
        _add(pairs, "batch", self.batch)
        _add(pairs, "customer_review_status", ",".join(REVIEW_WORDS[it] for it in self.review_statuses) or None)
        pairs.extend(("unique_id", unique_id) for unique_id in self.unique_ids)
        pairs.extend(("tags", tag) for tag in self.tags)
        pairs.append(("limit", str(self.limit)))
        # Signed addresses of attachments are heavy and expire.
        pairs.append(("include_attachment_url", "false"))
        if limited:
            pairs.append(("limited_response", "true"))
        _add(pairs, "next_token", self.next_token)
        return pairs


@dataclass(frozen=True, kw_only=True)
class BatchQuery:
    """All that is given must hold. `offset` counts batches, newest first. `status` is Scale's own word."""

    project: str | None = None
    status: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    completed_after: datetime | None = None
    completed_before: datetime | None = None
    exclude_archived: bool = False
    limit: int = MAX_LIMIT
    offset: int = 0

    def __post_init__(self) -> None:
        _check_limit(self.limit)
        if self.offset < 0:
            raise ValueError("offset counts from 0")

    def pairs(self) -> Pairs:
        """The query string's parts, in an order of no meaning."""
        pairs: Pairs = []
        _add(pairs, "project", self.project)
        _add(pairs, "status", self.status)
        _add_moment(pairs, "start_time", self.start_time)
        _add_moment(pairs, "end_time", self.end_time)
        _add_moment(pairs, "completed_after", self.completed_after)
        _add_moment(pairs, "completed_before", self.completed_before)
        if self.exclude_archived:
            pairs.append(("exclude_archived", "true"))
        pairs += [("limit", str(self.limit)), ("offset", str(self.offset))]
        return pairs


def in_calls(unique_ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The unique ids of each call: 50, fewer only where very long ones would make an address that is refused."""
    group: list[str] = []
    size = 0
    for unique_id in unique_ids:
        length = len(quote(unique_id, safe=""))
        if group and (len(group) == _MAX_IDS_A_CALL or size + length > _MAX_ID_CHARACTERS_A_CALL):
            yield tuple(group)
            group, size = [], 0
        group.append(unique_id)
        size += length
    if group:
        yield tuple(group)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise ValueError(f"limit is 1 to {MAX_LIMIT}, not {limit}")


def _add(pairs: Pairs, name: str, value: str | None) -> None:
    if value is not None:
        pairs.append((name, value))


def _add_moment(pairs: Pairs, name: str, value: datetime | None) -> None:
    if value is None:
        return
    if value.tzinfo is None:
        raise ValueError(f"{name} has no time zone")
    pairs.append((name, format_datetime(value)))
