"""May a call be sent again, and when: decisions only, no I/O."""

from collections import deque
from collections.abc import Callable
from math import floor

from schema.errors import GatewayError

# The first try and at most two more.
MAX_TRIES = 3
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 2.0

_WINDOW_S = 10.0
_SHARE_OF_CALLS = 0.2
_LEAST_A_SECOND = 2.0


def next_delay_s(error: GatewayError, tries: int, time_left_s: float, chance: float) -> float | None:
    """Seconds to wait before the next try, None where there is to be none.

    `tries` have been made, the latest of which ended in `error`; `chance` is a random number in [0, 1). A backend's
    own Retry-After is never undercut: where it does not fit into `time_left_s`, the caller hears of it at once.
    """
    if tries >= MAX_TRIES or not error.retryable:
        return None
    longest_s = min(_FIRST_DELAY_S * 2 ** (tries - 1), _LONGEST_DELAY_S)
    # Half of it by chance: callers that failed together do not come back together.
    delay_s = longest_s * (1 + chance) / 2
    if error.retry_after_s is not None:
        delay_s += error.retry_after_s
    return delay_s if delay_s < time_left_s else None


class RetryBudget:
    """How many tries may be second or third ones: 20 % of the calls of the last 10 s, never less than 2 a second.

    When a backend is down, retries would multiply what hits it; with this they add a fifth. `now` is seconds of any
    steady clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._calls: deque[float] = deque()
        self._retries: deque[float] = deque()

    def called(self) -> None:
        """Notes a first try."""
        now = self._now()
        _drop_before(self._calls, now - _WINDOW_S)
        self._calls.append(now)

    def take(self) -> bool:
        """Whether one more retry is within the budget; it is spent if so."""
        if self.left < 1:
            return False
        self._retries.append(self._now())
        return True

    @property
    def left(self) -> int:
        """How many retries are within the budget now."""
        now = self._now()
        _drop_before(self._calls, now - _WINDOW_S)
        _drop_before(self._retries, now - _WINDOW_S)
        allowed = max(_SHARE_OF_CALLS * len(self._calls), _LEAST_A_SECOND * _WINDOW_S)
        return max(0, floor(allowed) - len(self._retries))


def _drop_before(times: deque[float], moment: float) -> None:
    while times and times[0] <= moment:
        times.popleft()
