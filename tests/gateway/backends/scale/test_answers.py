"""What statuses and headers mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.retry_after import retry_after_s
from gateway.backends.scale.answers import RefusedQueryError, require_success
from gateway.backends.transport import Answer
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from tests.gateway.backends.scale.scripted import NOW, recorded


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_a_success(status: int) -> None:
    """Scale's endpoints do not all answer 200."""
    require_success(Answer(status, b""), "GET /tasks", NOW)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (302, ErrorCode.BACKEND_BAD_RESPONSE, False),
        (400, ErrorCode.BAD_USER_INPUT, False),
        (401, ErrorCode.BACKEND_REFUSED, False),
        (402, ErrorCode.BACKEND_REFUSED, False),
        (404, ErrorCode.BACKEND_BAD_RESPONSE, False),
        (408, ErrorCode.BACKEND_TIMEOUT, True),
        (418, ErrorCode.BACKEND_BAD_RESPONSE, False),
        (429, ErrorCode.BACKEND_RATE_LIMITED, True),
        (500, ErrorCode.BACKEND_UNAVAILABLE, True),
        (503, ErrorCode.BACKEND_UNAVAILABLE, True),
        (520, ErrorCode.BACKEND_UNAVAILABLE, True),
        (530, ErrorCode.BACKEND_UNAVAILABLE, True),
        (599, ErrorCode.BACKEND_UNAVAILABLE, True),
        (600, ErrorCode.BACKEND_BAD_RESPONSE, False),
    ],
)
def test_failures(status: int, code: ErrorCode, retryable: bool) -> None:
    """Each status has one code; the vendor's text is nowhere in the failure."""
    with pytest.raises(GatewayError) as caught:
        require_success(Answer(status, recorded("error_body")), "GET /tasks", NOW)

    error = caught.value
    assert (error.code, error.retryable, error.backend) == (code, retryable, Backend.SCALE)
    assert error.log_detail == f"GET /tasks HTTP {status}"
    assert "SECRET" not in error.message + str(error) + str(error.extensions)
    assert isinstance(error, RefusedQueryError) is (status == 400)


@pytest.mark.parametrize("status", [429, 503])
def test_waiting_time_is_passed_on(status: int) -> None:
    """Retry-After is honoured where a later try may help."""
    with pytest.raises(GatewayError) as caught:
        require_success(Answer(status, b"", retry_after="7"), "GET /tasks", NOW)

    assert caught.value.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 3 ", 3.0),
        ("1.5", 1.5),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("9" * 40, None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    """Seconds and HTTP dates are read; the past is no wait; nonsense is no answer."""
    assert retry_after_s(text, NOW) == seconds


@given(
    st.text() | st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
)
def test_any_retry_after_is_read(text: str) -> None:
    """No header makes an exception or a wait before now."""
    seconds = retry_after_s(text, datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=0.5))

    assert seconds is None or seconds >= 0
