"""CallRate: how many calls a second may leave. Decisions only, no I/O."""

from collections.abc import Callable


class CallRate:
    """At most `max_per_s` calls in any second on average; up to one second's worth may go at once after a pause.

    None sets no limit. `now` is seconds of any steady clock.
    """

    def __init__(self, max_per_s: float | None, now: Callable[[], float]) -> None:
        self._interval_s = 0.0 if max_per_s is None else 1 / max_per_s
        # Never below one call, or nothing could ever go at less than one a second.
        self._head_start_s = max(0.0, 1.0 - self._interval_s)
        self._now = now
        # When the next call would go if all were evenly spaced (generic cell rate algorithm).
        self._next_at = float("-inf")

    def reserve(self, longest_s: float) -> float | None:
        """Seconds to wait before sending, None where that is over `longest_s`. A turn that is given is spent."""
        now = self._now()
        next_at = max(self._next_at, now)
        wait_s = max(0.0, next_at - self._head_start_s - now)
        if wait_s > longest_s:
            return None
        self._next_at = next_at + self._interval_s
        return wait_s
