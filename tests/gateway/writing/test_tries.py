"""Whether a creation is sent once more."""

import pytest

from gateway.backends.base import WriteRefusedError, may_have_happened
from gateway.writing.tries import MAX_BUSY, MAX_LOST, CreationTries
from schema.errors import ErrorCode, GatewayError

DOWN = GatewayError(ErrorCode.BACKEND_UNAVAILABLE, "down")
BUSY = GatewayError(ErrorCode.BACKEND_RATE_LIMITED, "busy")


def test_lost_answers() -> None:
    """After a lost answer it is sent again, later each time, and no more than three times in all."""
    tries = CreationTries()
    delays = [tries.next_delay_s(DOWN, 100, 1.0) for _ in range(MAX_LOST)]

    assert delays == [0.1, 0.2, None]
    assert tries.was_lost


def test_twins() -> None:
    """Being told to come again is no lost answer: it is waited for longer, up to two seconds a time."""
    tries = CreationTries()
    delays = [tries.next_delay_s(BUSY, 100, 1.0) for _ in range(MAX_BUSY)]

    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, None]
    assert not tries.was_lost


def test_chance_spreads_the_tries() -> None:
    """Half of the delay is by chance."""
    assert CreationTries().next_delay_s(DOWN, 100, 0.0) == 0.05


def test_retry_after_is_never_undercut() -> None:
    """The backend's own wait comes before ours; where it does not fit into the time left, there is no further try."""
    asks = GatewayError(ErrorCode.BACKEND_RATE_LIMITED, "busy", retry_after_s=4)

    assert CreationTries().next_delay_s(asks, 10, 1.0) == 4.1
    assert CreationTries().next_delay_s(asks, 8, 1.0) is None


@pytest.mark.parametrize(
    "code", [ErrorCode.BACKEND_REFUSED, ErrorCode.BACKEND_NOT_CONFIGURED, ErrorCode.BAD_USER_INPUT, ErrorCode.CONFLICT]
)
def test_definite_answers(code: ErrorCode) -> None:
    """What was decided is not asked again."""
    tries = CreationTries()

    assert tries.next_delay_s(GatewayError(code, "no"), 100, 1.0) is None
    assert not tries.was_lost


def test_what_may_have_happened() -> None:
    """A lost or unreadable answer leaves it open; a refusal does not, whatever its code."""
    assert may_have_happened(DOWN)
    assert may_have_happened(GatewayError(ErrorCode.BACKEND_BAD_RESPONSE, "half"))
    assert not may_have_happened(WriteRefusedError(ErrorCode.BACKEND_BAD_RESPONSE, "418"))
    assert not may_have_happened(BUSY)
