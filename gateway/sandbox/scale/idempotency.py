"""The stored answers of creations that carried an `Idempotency-Key`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.sandbox.scale.wire import RefusedError


@dataclass(frozen=True)
class Answer:
    """A finished answer: what a repeated key gets again, errors included."""

    status: int
    body: bytes


@dataclass
class _Kept:
    fingerprint: str
    at: datetime
    answer: Answer | None = None
    """None while the first request with the key is still running."""


class StoredAnswers:
    """Answers by key, for 24 hours unless said otherwise."""

    def __init__(self, hours: float) -> None:
        self._lifetime = timedelta(hours=hours)
        self._kept: dict[str, _Kept] = {}

    def begin(self, key: str, fingerprint: str, now: datetime) -> Answer | None:
        """The stored answer, or None when the caller is the first and shall execute, then `finish` or `forget`.

        Raises RefusedError 409 when the key belongs to other parameters or another user, 429 when its twin is
        running at this moment.
        """
        kept = self._kept.get(key)
        if kept is None or now - kept.at >= self._lifetime:
            self._kept[key] = _Kept(fingerprint, now)
            return None
        if kept.fingerprint != fingerprint:
            raise RefusedError(409, "This Idempotency-Key was already used with different parameters.")
        if kept.answer is None:
            raise RefusedError(429, "A request with this Idempotency-Key is being processed.")
        return kept.answer

    def finish(self, key: str, answer: Answer) -> None:
        self._kept[key].answer = answer

    def forget(self, key: str) -> None:
        """The key is free again."""
        self._kept.pop(key, None)
