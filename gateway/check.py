"""One harmless question to each configured backend, and what is wrong where the answer is."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.backends.base import UnconfiguredBackend
from gateway.backends.health import HealthLog
from gateway.backends.rosetta import RosettaClient
from gateway.backends.scale import ScaleClient, TaskQuery
from gateway.clients import backend_clients
from gateway.settings import Settings
from schema.errors import ErrorCode, GatewayError


@dataclass(frozen=True)
class Finding:
    """What one backend answered, as a line for people."""

    line: str
    is_fine: bool


async def check_backends(settings: Settings) -> list[Finding]:
    """One finding a backend. A backend that is not configured is fine; none configured at all is not."""
    health = HealthLog([], {}, lambda: datetime.now(UTC))
    clients = backend_clients(settings, health)
    findings = []
    async with AsyncExitStack() as closing:
        for client in clients:
            name = client.backend.name
            if isinstance(client, UnconfiguredBackend):
                findings.append(Finding(f"{name}: not configured", is_fine=True))
                continue
            closing.push_async_callback(client.aclose)
            try:
                await _ask(client)
            except GatewayError as error:
                findings.append(Finding(f"{name}: {diagnosis(error)}", is_fine=False))
            else:
                findings.append(Finding(f"{name}: fine", is_fine=True))
    if all(isinstance(client, UnconfiguredBackend) for client in clients):
        findings.append(Finding("no backend is configured: see GATEWAY_SCALE__API_KEY", is_fine=False))
    return findings


async def _ask(client: ScaleClient | RosettaClient) -> None:
    """The question with the smallest answer that needs valid credentials."""
    if isinstance(client, ScaleClient):
        await client.list_tasks(TaskQuery(limit=1))
    else:
        await client.system_status()


def diagnosis(error: GatewayError) -> str:
    """What an operator should look at."""
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError | ssl.CertificateError) for cause in causes):
        return "TLS failed: is the address right, and the certificate trusted by this machine?"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "the address does not resolve: look at its BASE_URL"
    match error.code:
        case ErrorCode.BACKEND_REFUSED:
            return (
                "credentials refused: look at the key, and at this machine's clock (Rosetta's signatures expire); "
                f"{error.log_detail}"
            )
        case ErrorCode.BACKEND_TIMEOUT | ErrorCode.BACKEND_UNAVAILABLE:
            return f"no answer: look at its BASE_URL and at what lies between ({error.code.name})"
        case _:
            return f"{error.message} ({error.code.name}); does BASE_URL point at the API?"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
