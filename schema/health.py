"""What the gateway has seen of its backends."""

from datetime import datetime
from enum import Enum

import strawberry

from schema.backend import Backend
from schema.errors import ErrorCode


@strawberry.enum(
    description="Whether the gateway sends calls to a backend. It opens when at least half of at least 20 "
    "calls in 30 seconds failed."
)
class CircuitState(Enum):
    CLOSED = strawberry.enum_value(
        "CLOSED", description="Calls go through: all is well, or too little has failed to say."
    )
    HALF_OPEN = strawberry.enum_value(
        "HALF_OPEN",
        description="Three probes go through, to see whether it is back: all succeed, CLOSED; one fails, OPEN again.",
    )
    OPEN = strawberry.enum_value(
        "OPEN",
        description="No calls for 10 seconds: cached tasks answer, marked `isStale`; the rest fails at once with "
        "BACKEND_UNAVAILABLE.",
    )


@strawberry.type(description="What the gateway has seen of one backend. Asking for it asks no backend.")
class BackendHealth:
    backend: Backend = strawberry.field(description="Which backend this is about.")
    is_configured: bool = strawberry.field(description="Whether the gateway has credentials for it.")
    circuit: CircuitState = strawberry.field(description="Whether calls are sent.")
    last_success_at: datetime | None = strawberry.field(
        default=None, description="When a call last succeeded; null where none has since the gateway started."
    )
    last_failure_at: datetime | None = strawberry.field(
        default=None, description="When a call last failed; null where none has since the gateway started."
    )
    last_failure: ErrorCode | None = strawberry.field(
        default=None, description="How it failed then; null while nothing has failed."
    )
    latency_p50_ms: float | None = strawberry.field(
        default=None, description="Median milliseconds of the latest calls; null before the first one."
    )
    latency_p95_ms: float | None = strawberry.field(
        default=None, description="95th percentile of the latest calls, in milliseconds; null before the first one."
    )
