"""What may be sent again, when, and how much of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.rate import CallRate
from gateway.backends.retry import RetryBudget, next_delay_s
from schema.errors import ErrorCode, GatewayError
from tests.fakes import FakeClock

RETRYABLE = {ErrorCode.BACKEND_UNAVAILABLE, ErrorCode.BACKEND_TIMEOUT, ErrorCode.BACKEND_RATE_LIMITED}


def failure(code: ErrorCode, retry_after_s: float | None = None) -> GatewayError:
    return GatewayError(code, "failed", retry_after_s=retry_after_s)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_only_what_may_pass(code: ErrorCode) -> None:
    """Only what may succeed unchanged is tried again."""
    assert (next_delay_s(failure(code), 1, 10, 0.5) is not None) == (code in RETRYABLE)


@given(
    tries=st.integers(1, 5),
    left=st.floats(0, 30),
    chance=st.floats(0, 1, exclude_max=True),
    retry_after=st.none() | st.floats(0, 60),
)
def test_delay_within_bounds(tries: int, left: float, chance: float, retry_after: float | None) -> None:
    """A delay fits the time left, never undercuts Retry-After, and there are at most three tries."""
    delay = next_delay_s(failure(ErrorCode.BACKEND_RATE_LIMITED, retry_after), tries, left, chance)

    if tries >= 3:
        assert delay is None
    if delay is None:
        assert tries >= 3 or left <= (retry_after or 0) + 0.2
    else:
        assert (retry_after or 0) + 0.05 <= delay < left


def test_later_tries_wait_longer() -> None:
    """Even by the worst chance the second delay is not shorter than the first."""
    down = failure(ErrorCode.BACKEND_UNAVAILABLE)

    first, second = next_delay_s(down, 1, 10, 0.999), next_delay_s(down, 2, 10, 0)

    assert first is not None
    assert second is not None
    assert first <= second


def test_a_fifth_of_the_calls() -> None:
    """At 100 failing calls a second a fifth is tried again, no more."""
    clock = FakeClock()
    budget = RetryBudget(clock)
    retries = 0
    for number in range(6000):
        clock.seconds = number / 100
        budget.called()
        retries += budget.take()

    assert retries <= 0.2 * 6000 + 20
    assert retries >= 0.19 * 6000


def test_two_a_second_always() -> None:
    """With next to no traffic two retries a second are allowed."""
    clock = FakeClock()
    budget = RetryBudget(clock)
    for second in range(60):
        clock.seconds = second

        assert [budget.take(), budget.take()] == [True, True]


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=300))
def test_budget_holds_in_every_window(steps: list[tuple[float, bool]]) -> None:
    """In any ten seconds, the retries are at most 20 or a fifth of the calls that preceded them."""
    clock = FakeClock()
    budget = RetryBudget(clock)
    calls: list[float] = []
    retries: list[float] = []
    for wait, is_retry in steps:
        clock.seconds += wait
        if not is_retry:
            budget.called()
            calls.append(clock.seconds)
        elif budget.take():
            retries.append(clock.seconds)
            since = clock.seconds - 10
            recent = sum(moment > since for moment in calls)
            assert sum(moment > since for moment in retries) <= max(20, 0.2 * recent)


def test_no_rate_no_wait() -> None:
    """Without a limit nothing waits."""
    rate = CallRate(None, FakeClock())

    assert [rate.reserve(0) for _ in range(1000)] == [0] * 1000


@given(per_s=st.floats(0.1, 50), gaps=st.lists(st.floats(0, 0.5), min_size=1, max_size=200), longest=st.floats(0, 20))
def test_rate_holds(per_s: float, gaps: list[float], longest: float) -> None:
    """Calls that wait as told never exceed a second's head start plus the rate, and none waits over its limit."""
    clock = FakeClock()
    rate = CallRate(per_s, clock)
    sent: list[float] = []
    for gap in gaps:
        clock.seconds += gap
        wait = rate.reserve(longest)
        if wait is not None:
            assert wait <= longest
            sent.append(clock.seconds + wait)

    for place, start in enumerate(sent):
        for later in range(place, len(sent)):
            assert later - place + 1 <= max(1.0, per_s) + per_s * (sent[later] - start) + 1.001
