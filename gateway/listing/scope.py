"""Which backends a list holds, and why the others are left out. Decisions only."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.backends.base import UnconfiguredBackend
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from schema.filter import TaskCriteria


@dataclass(frozen=True)
class Scope:
    """The backends to ask, and those that the filter leaves in but that cannot be asked."""

    asked: frozenset[Backend]
    left_out: Mapping[Backend, GatewayError]


def scope_of(criteria: TaskCriteria, clients: Mapping[Backend, object]) -> Scope:
    """The scope of a list, given the client of each backend."""
    left_out = {
        backend: reason
        for backend in Backend
        if backend in criteria.backends and (reason := _obstacle(backend, criteria, clients[backend])) is not None
    }
    return Scope(criteria.backends - left_out.keys(), MappingProxyType(left_out))


def _obstacle(backend: Backend, criteria: TaskCriteria, client: object) -> GatewayError | None:
    if backend is Backend.ROSETTA and criteria.only_of_scale:
        return _not_supported(f"{backend.name} cannot filter by {', '.join(criteria.only_of_scale)}")
    if backend is Backend.ROSETTA and criteria.annotation_request_ids is None:
        return _not_supported(f"{backend.name} has no list of all its tasks: say annotationRequestIdIn")
    return client.failure() if isinstance(client, UnconfiguredBackend) else None


def _not_supported(message: str) -> GatewayError:
    return GatewayError(ErrorCode.NOT_SUPPORTED, message, backend=Backend.ROSETTA)
