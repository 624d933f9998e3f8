"""What the gateway has seen of its backends."""

from datetime import datetime
from enum import Enum

import strawberry

from schema.backend import Backend
from schema.errors import ErrorCode


@strawberry.enum(description="Whether the gateway sends calls to a backend.")
class CircuitState(Enum):
    CLOSED = strawberry.enum_value("CLOSED", description="Calls go through.")
    HALF_OPEN = strawberry.enum_value("HALF_OPEN", description="A few probes go through, to see whether it is back.")
    OPEN = strawberry.enum_value("OPEN", description="No calls: cached tasks answer, the rest fails at once.")


@strawberry.type(description="What the gateway has seen of one backend. Asking for it asks no backend.")
class BackendHealth:
    backend: Backend = strawberry.field(description="Which backend.")
    is_configured: bool = strawberry.field(description="Whether the gateway has credentials for it.")
    circuit: CircuitState = strawberry.field(description="Whether calls are sent.")
    last_success_at: datetime | None = strawberry.field(default=None, description="When a call last succeeded.")
    last_failure_at: datetime | None = strawberry.field(default=None, description="When a call last failed.")
    last_failure: ErrorCode | None = strawberry.field(default=None, description="How it failed then.")
    latency_p50_ms: float | None = strawberry.field(
        default=None, description="Median milliseconds of the latest calls."
    )
    latency_p95_ms: float | None = strawberry.field(
        default=None, description="95th percentile of the latest calls, in milliseconds."
    )
