"""What a backend fulfils, whichever vendor it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import NoReturn, Protocol, TypeAlias, TypeVar

from schema.backend import Backend
from schema.changes import Change
from schema.creation import MultistageCreation
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

    @property
    def fetch_may_be_begun(self) -> bool:
        """Whether `fetch` needs no task of its own until it waits: see `gateway.begun`."""

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


class NotSentError(GatewayError):
    """The call never left: the circuit is open, or no turn came in time. A write has not happened."""


class Taken(Enum):
    """What a creation or a new unique id collided with."""

    UNIQUE_ID = auto()
    IDEMPOTENCY_KEY = auto()
    UNCLEAR = auto()


class WriteRefusedError(GatewayError):
    """The backend heard of the write and did not do it: BAD_USER_INPUT, NOT_FOUND, CONFLICT or what its code says."""


class TakenError(WriteRefusedError):
    """CONFLICT over `what`, as far as the answer tells."""

    def __init__(self, what: Taken, message: str, backend: Backend) -> None:
        super().__init__(ErrorCode.CONFLICT, message, backend=backend)
        self.what = what


_LOST = frozenset({ErrorCode.BACKEND_UNAVAILABLE, ErrorCode.BACKEND_TIMEOUT, ErrorCode.BACKEND_BAD_RESPONSE})


def may_have_happened(error: GatewayError) -> bool:
    """Whether the write that ended in `error` may have been done all the same."""
    return error.code in _LOST and not isinstance(error, WriteRefusedError | NotSentError)


class WritingBackend(TaskBackend, UniqueIdBackend, Protocol):
    """Changes and creates tasks. Every method but `deadline` raises GatewayError, see `may_have_happened`."""

    @property
    def timeout_s(self) -> float:
        """How long one write may take with everything that belongs to it."""

    def deadline(self, *, ends_at: float | None = None, share: float = 1.0) -> AbstractAsyncContextManager[None]:
        """As `BackendTransport.deadline`."""

    async def change(self, reference: Reference, change: Change) -> Task | None:
        """The task after the change; None where the backend took it and answered something else than the task."""

    async def create(self, creation: MultistageCreation, idempotency_key: str | None) -> Task:
        """What the backend tells of the created task, which need not be all. Sent once: never tried again here."""


class ChangeSweep(Protocol):
    """One question that answers for many watched tasks: which of a group have changed since?"""

    def group_of(self, task: Task) -> str | None:
        """Names the tasks that one sweep covers together with this one; None where only a read tells."""

    async def changed_since(self, group: str, since: datetime, most_calls: int) -> Sequence[Task] | None:
        """The tasks of the group that changed since, in at most `most_calls` calls; None where that is too few.

        Raises GatewayError when the backend fails.
        """


@dataclass(frozen=True)
class Hint:
    """What a backend's callback says: that a task has changed, and perhaps when. Never what it is like now."""

    reference: Reference
    updated_at: datetime | None


class Webhook(Protocol):
    """The callbacks of one backend."""

    @property
    def path(self) -> str:
        """Where the backend posts to."""

    def is_authentic(self, headers: Mapping[str, str]) -> bool:
        """Whether the headers, by lower-case name, prove that the backend sent it."""

    def parse(self, body: bytes) -> Hint:
        """Raises ValueError for a body that names no task."""


class CallObserver(Protocol):
    """Hears of every call that left the process and of every field that did not fit its type."""

    def called(self, backend: Backend, endpoint: str, failure: ErrorCode | None, seconds: float) -> None: ...

    def misfit(self, backend: Backend, field: str) -> None: ...


class BackendTrouble(Protocol):
    """Whether a backend's latest call failed; `on_failure` are told of every call that does."""

    on_failure: list[Callable[[Backend], None]]

    def is_failing(self, backend: Backend) -> bool: ...


class UnconfiguredBackend:
    """Stands for a backend without credentials in the settings: says so, and sends nothing."""

    fetch_may_be_begun = False

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        return [self.failure() for _ in references]

    async def fetch_by_unique_id(self, unique_ids: Sequence[str]) -> Sequence[Outcome]:
        return [self.failure() for _ in unique_ids]

    def restore(self, reference: Reference, body: bytes, fetched_at: datetime) -> Task:
        raise ValueError(f"{self.backend.name} is not configured")

    @property
    def timeout_s(self) -> float:
        return 1.0  # of no meaning: nothing is waited for

    def deadline(self, *, ends_at: float | None = None, share: float = 1.0) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def change(self, reference: Reference, change: Change) -> NoReturn:
        raise self.failure()

    async def create(self, creation: MultistageCreation, idempotency_key: str | None) -> NoReturn:
        raise self.failure()

    async def aclose(self) -> None:
        return  # it holds nothing

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
