"""Load: how many operations are being answered, and when that is enough."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from gateway.refusals import Refusal, refusal

# By then what is in flight is done with; longer would leave the gateway idle after a short burst.
RETRY_AFTER_S = 1


class Load:
    """Counts operations in flight, at most `most`; 0 lets everyone in."""

    def __init__(self, most: int) -> None:
        self.in_flight = 0
        self._most = most

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds one place. Raises a Refusal OVERLOADED at once when there is none: nobody waits in line."""
        self.check()
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def check(self) -> None:
        """Raises a Refusal OVERLOADED when there is no place."""
        if 0 < self._most <= self.in_flight:
            raise overloaded()


def overloaded() -> Refusal:
    """There is more to do than the gateway can."""
    return refusal(
        "OVERLOADED",
        "the gateway has more to do than it can: try again",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(RETRY_AFTER_S)},
        retryAfterSeconds=RETRY_AFTER_S,
    )
