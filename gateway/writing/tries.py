"""CreationTries: whether a creation is sent once more, and when. Decisions only, no I/O.

A creation is the one write that must not happen twice. It is sent again only under the unique id or idempotency key
that it was sent under before, which makes the backend refuse or replay the second.
"""

from gateway.backends.base import may_have_happened
from schema.errors import ErrorCode, GatewayError

# Tries whose answer was lost, and tries that were told to come again (429), such as those that meet a twin.
MAX_LOST = 3
MAX_BUSY = 8

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 2.0


class CreationTries:
    """What became of the tries so far."""

    def __init__(self) -> None:
        self._lost = 0
        self._busy = 0

    @property
    def was_lost(self) -> bool:
        """Whether an answer was lost: then the task may exist."""
        return self._lost > 0

    def next_delay_s(self, error: GatewayError, time_left_s: float, chance: float) -> float | None:
        """Seconds until the next try after one that ended in `error`, None where there is to be none.

        `chance` is a random number in [0, 1). A backend's own Retry-After is never undercut. Half of the time left is
        kept for what comes after the last try.
        """
        if may_have_happened(error):
            self._lost += 1
            round_ = self._lost
            is_last = self._lost >= MAX_LOST
        elif error.code is ErrorCode.BACKEND_RATE_LIMITED:
            self._busy += 1
            round_ = self._busy
            is_last = self._busy >= MAX_BUSY
        else:
            return None
        if is_last:
            return None
        longest_s = min(_FIRST_DELAY_S * 2 ** (round_ - 1), _LONGEST_DELAY_S)
        delay_s = longest_s * (1 + chance) / 2 + (error.retry_after_s or 0)
        return delay_s if delay_s < time_left_s / 2 else None
