"""The backends' clients, put together from the settings. Part of `create_app`, and of commands that need no app."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from gateway.backends.base import CallObserver, UnconfiguredBackend
from gateway.backends.guard import Guard
from gateway.backends.rosetta import RosettaClient, rosetta_backend
from gateway.backends.scale import ScaleClient, scale_backend
from gateway.backends.transport import Limits, Wire
from gateway.settings import BackendLimits, Settings
from gateway.tracing import CallTracing, NoTracing
from schema.backend import Backend

_NO_TRACING = NoTracing()


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def backend_clients(
    settings: Settings,
    observer: CallObserver,
    wires: Mapping[Backend, Wire] = MappingProxyType({}),
    now: Callable[[], datetime] = utc_now,
    guards: Mapping[Backend, Guard] = MappingProxyType({}),
    tracing: CallTracing = _NO_TRACING,
) -> "tuple[ScaleClient | UnconfiguredBackend, RosettaClient | UnconfiguredBackend]":
    """Scale's and Rosetta's client; whoever asks for them closes them."""
    return (
        _scale(settings, observer, wires.get(Backend.SCALE), now, guards.get(Backend.SCALE), tracing),
        _rosetta(settings, observer, wires.get(Backend.ROSETTA), now, guards.get(Backend.ROSETTA), tracing),
    )


def configured_backends(settings: Settings) -> list[Backend]:
    """Those whose credentials, or address, are set."""
    given = {
        Backend.ROSETTA: settings.rosetta.base_url is not None,
        Backend.SCALE: settings.scale.api_key is not None,
    }
    return [backend for backend, is_given in given.items() if is_given]


def _limits(settings: BackendLimits) -> Limits:
    return Limits(
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        max_concurrency=settings.max_concurrency,
    )


def _scale(
    settings: Settings,
    observer: CallObserver,
    wire: Wire | None,
    now: Callable[[], datetime],
    guard: Guard | None,
    tracing: CallTracing,
) -> "ScaleClient | UnconfiguredBackend":
    scale = settings.scale
    if scale.api_key is None:
        return UnconfiguredBackend(Backend.SCALE)
    return scale_backend(
        str(scale.base_url),
        scale.api_key.get_secret_value(),
        limits=_limits(scale),
        observer=observer,
        wire=wire,
        now=now,
        guard=guard,
        tracing=tracing,
    )


def _rosetta(
    settings: Settings,
    observer: CallObserver,
    wire: Wire | None,
    now: Callable[[], datetime],
    guard: Guard | None,
    tracing: CallTracing,
) -> "RosettaClient | UnconfiguredBackend":
    rosetta = settings.rosetta
    if rosetta.base_url is None or rosetta.access_key is None or rosetta.secret_key is None:
        return UnconfiguredBackend(Backend.ROSETTA)
    return rosetta_backend(
        str(rosetta.base_url),
        rosetta.access_key.get_secret_value(),
        rosetta.secret_key.get_secret_value(),
        time_zone=ZoneInfo(rosetta.time_zone),
        limits=_limits(rosetta),
        observer=observer,
        wire=wire,
        now=now,
        guard=guard,
        tracing=tracing,
    )


def backend_guards(
    settings: Settings, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
) -> dict[Backend, Guard]:
    """What bounds each backend's calls in number."""
    limits: dict[Backend, BackendLimits] = {Backend.SCALE: settings.scale, Backend.ROSETTA: settings.rosetta}
    return {
        backend: Guard(clock, max_calls_per_s=limit.max_calls_per_s, sleep=sleep) for backend, limit in limits.items()
    }


def backend_accounts(settings: Settings) -> dict[Backend, str]:
    """A fingerprint of each backend's address and key: what one account may see is never answered to another."""
    scale, rosetta = settings.scale, settings.rosetta
    given = {Backend.SCALE: (scale.base_url, scale.api_key), Backend.ROSETTA: (rosetta.base_url, rosetta.access_key)}
    return {
        backend: hashlib.sha256(f"{url} {'' if key is None else key.get_secret_value()}".encode()).hexdigest()[:16]
        for backend, (url, key) in given.items()
    }
