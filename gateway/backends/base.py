"""What a backend fulfils, whichever vendor it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.references import Reference
from schema.task import Task

Client = TypeVar("Client")

# What asking for one task leads to: the task, None where the backend knows no such task, or why it is not known.
Outcome: TypeAlias = Task | GatewayError | None


class UnusableRecordError(GatewayError):
    """BACKEND_BAD_RESPONSE for one record alone: what came with it can be used."""


class TaskBackend(Protocol):
    """Reads tasks of one backend."""

    @property
    def backend(self) -> Backend: ...

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        """One outcome a reference, in their order. Always goes out; expected failures are values, never raised.

        References are distinct. Each outcome is there no later than the backend's `TIMEOUT_S` after the call.
        With `view_url` no task comes from a bulk read, since those do not bring it.
        """

    def restore(self, reference: Reference, body: bytes, fetched_at: datetime) -> Task:
        """The task whose `record.body` was kept elsewhere. Raises ValueError for bytes that are no such body."""


class UniqueIdBackend(Protocol):
    """Finds tasks by the customer's own ids."""

    async def fetch_by_unique_id(self, unique_ids: Sequence[str]) -> Sequence[Outcome]:
        """As `TaskBackend.fetch`; at most one call per 50 ids."""


class CallObserver(Protocol):
    """Hears of every call that left the process and of every field that did not fit its type."""

    def called(self, backend: Backend, endpoint: str, failure: ErrorCode | None, seconds: float) -> None: ...

    def misfit(self, backend: Backend, field: str) -> None: ...


class UnconfiguredBackend:
    """Stands for a backend without credentials in the settings: says so, and sends nothing."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        return [self.failure() for _ in references]

    async def fetch_by_unique_id(self, unique_ids: Sequence[str]) -> Sequence[Outcome]:
        return [self.failure() for _ in unique_ids]

    def restore(self, reference: Reference, body: bytes, fetched_at: datetime) -> Task:
        raise ValueError(f"{self.backend.name} is not configured")

    def failure(self) -> GatewayError:
        return GatewayError(
            ErrorCode.BACKEND_NOT_CONFIGURED,
            f"{self.backend.name} has no credentials in this gateway's settings",
            backend=self.backend,
        )


def configured(client: Client | UnconfiguredBackend) -> Client:
    """The client itself. Raises GatewayError BACKEND_NOT_CONFIGURED where there is none."""
    if isinstance(client, UnconfiguredBackend):
        raise client.failure()
    return client
