"""What the emulator decides where Scale's documentation is silent or disagrees with itself: all switchable."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ScaleOptions:
    """Each default is the reading with the most evidence."""

    accept_bearer: bool = False
    """Scale documents Basic; its Node SDK sends Bearer to the same addresses."""
    accept_error_status_filter: bool = True
    """`error` is a status of tasks, but the list's documentation does not offer it as a filter."""
    tag_filter: Literal["any", "all"] = "any"
    """Whether a list filtered by several tags wants one of them or all."""
    completes_at_once: bool | None = None
    """Whether created tasks complete at once. None: as documented, with a `test_` key only."""
    multistage_answer_names_project: bool = False
    """The documented answer to a multistage creation carries neither project nor batch."""
    store_replaced_answer: bool = False
    """Whether an Idempotency-Key keeps the 5xx that replaced a success (a status_after fault), or the success."""
    creation_s: float = 0.0
    """How long a creation takes, on the emulator's clock. Above 0 identical twins can meet: 429."""
    idempotency_hours: float = 24.0
    cancel_again_status: Literal[200, 400] = 200
    """The answer to cancelling a canceled task; Scale's SDK expects a refusal, its API page a success."""
    cancel_completed_status: Literal[400, 500] = 400
    """The answer to cancelling a completed task; 500 is the old behaviour."""
    audit_answer: Literal["text", "json"] = "text"
    """The body of an accepted audit is not specified: plain text `OK`, or the task."""
    last_page_cursor: Literal["absent", "null"] = "absent"
    """How the last page of a list says that no `next_token` follows."""
    callback_flag: Literal["callback_completed", "callback_succeeded"] = "callback_completed"
    """Name of the field that tells whether the callback was taken; the documentation uses both."""
    disabled_types: frozenset[str] = frozenset()
    """Task types the account may not create: 402."""
    max_tags: int = 5
    max_metadata_bytes: int = 10_240
    account_email: str = "customer@example.com"
    """Who audits through the API."""
    default_callback_url: str | None = None
    """The account's callback URL, for tasks that name none."""
    callback_tries: int = 20
    callback_span_s: float = 60.0
    """Time from the first to the last try of a callback; 24 hours at Scale, scaled down here."""
    moves_per_s: float = 1.0
    """How many random steps the lifecycle takes a second, over all tasks."""
    created_start_s: float = 15.0
    created_complete_s: float = 45.0
    """When work on a task created through the API starts and ends, after its creation."""
    random_seed: int = 0
