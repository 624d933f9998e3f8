"""What stands between a backend's transport and its wire: circuit, retry budget and call rate, made together."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from gateway.backends.circuit import Circuit
from gateway.backends.rate import CallRate
from gateway.backends.retry import RetryBudget, next_delay_s
from schema.errors import GatewayError


class Guard:
    """One backend's. `now` is seconds of any steady clock; `sleep` waits between tries; `chance` is in [0, 1)."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        *,
        max_calls_per_s: float | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.circuit = Circuit(now)
        self.rate = CallRate(max_calls_per_s, now)
        self.sleep = sleep
        self.retries = 0
        self._budget = RetryBudget(now)
        self._chance = chance

    def first_try(self) -> None:
        """Notes that a call is tried for the first time."""
        self._budget.called()

    def next_delay_s(self, error: GatewayError, tries: int, time_left_s: float) -> float | None:
        """Seconds until the next try, None where the latest was the last; spends a retry of the budget."""
        delay_s = next_delay_s(error, tries, time_left_s, self._chance())
        if delay_s is None or self.circuit.refuses or not self._budget.take():
            return None
        self.retries += 1
        return delay_s

    @property
    def retries_left(self) -> int:
        """How many more tries the budget has now."""
        return self._budget.left
