"""From an HTTP answer to data or a failure."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.exact_json import decode
from gateway.backends.rosetta.envelope import Reply, StaleSignatureError, read_reply
from gateway.backends.transport import Answer
from schema.backend import Backend
from schema.errors import ErrorCode, GatewayError
from tests.gateway.backends.rosetta.scripted import NOW, REQUEST_ID, envelope

ENDPOINT = "POST /task/get"


def answer(status: int, body: object, retry_after: str | None = None) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else orjson.dumps(body), retry_after)


def failure_of(given_answer: Answer) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        read_reply(given_answer, ENDPOINT, NOW)
    return raised.value


def outcome_of(given_answer: Answer) -> Reply | GatewayError:
    try:
        return read_reply(given_answer, ENDPOINT, NOW)
    except GatewayError as error:
        return error


@pytest.mark.parametrize("status", [200, 400, 404, 500, 502])
def test_success_is_decided_by_the_code(status: int) -> None:
    """An envelope with code 2000 and success is a success whatever the HTTP status."""
    assert read_reply(answer(status, envelope(2000, {"status": 3})), ENDPOINT, NOW) == Reply(2000, {"status": 3})


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize("code", [51006, 51008, 51009, 53003, 56001])
def test_not_found_is_no_failure(status: int, code: int) -> None:
    """A code of the class "not found" is a reply without data, whatever the HTTP status."""
    reply = read_reply(answer(status, envelope(code)), ENDPOINT, NOW)

    assert reply == Reply(code)
    assert not reply.is_found


@pytest.mark.parametrize("status", [200, 500, 503])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (5000, ErrorCode.BACKEND_UNAVAILABLE),
        (500, ErrorCode.BACKEND_UNAVAILABLE),
        (401, ErrorCode.BACKEND_REFUSED),
        (402, ErrorCode.BACKEND_REFUSED),
        (403, ErrorCode.BACKEND_REFUSED),
        (4005, ErrorCode.BAD_USER_INPUT),
        (53004, ErrorCode.CONFLICT),
        (53002, ErrorCode.BACKEND_BAD_RESPONSE),
        (98765, ErrorCode.BACKEND_BAD_RESPONSE),
        (-2, ErrorCode.BACKEND_BAD_RESPONSE),
    ],
)
def test_business_errors_are_decided_by_the_code(status: int, code: int, expected: ErrorCode) -> None:
    """A business error is its code's failure whatever the HTTP status, and hides the vendor's text."""
    error = failure_of(answer(status, envelope(code)))

    assert (error.code, error.backend) == (expected, Backend.ROSETTA)
    assert "SECRET" not in error.message + error.log_detail
    assert f"code={code} requestId={REQUEST_ID}" in error.log_detail


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, ErrorCode.BACKEND_BAD_RESPONSE),
        (302, ErrorCode.BACKEND_BAD_RESPONSE),
        (400, ErrorCode.BACKEND_BAD_RESPONSE),
        (401, ErrorCode.BACKEND_REFUSED),
        (402, ErrorCode.BACKEND_REFUSED),
        (403, ErrorCode.BACKEND_REFUSED),
        (404, ErrorCode.NOT_SUPPORTED),
        (405, ErrorCode.NOT_SUPPORTED),
        (408, ErrorCode.BACKEND_TIMEOUT),
        (429, ErrorCode.BACKEND_RATE_LIMITED),
        (500, ErrorCode.BACKEND_UNAVAILABLE),
        (502, ErrorCode.BACKEND_UNAVAILABLE),
        (504, ErrorCode.BACKEND_UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>https://inner.example</html>", b'{"error":"x"}', b"[2000]", b'{"code":'])
def test_without_an_envelope_the_status_decides(status: int, expected: ErrorCode, body: bytes) -> None:
    """A body that is no envelope leaves the decision to the HTTP status and stays out of the message."""
    error = failure_of(answer(status, body))

    assert (error.code, error.backend) == (expected, Backend.ROSETTA)
    assert "inner" not in error.message


@pytest.mark.parametrize(
    ("code", "success"), [(2000, False), (2000, "true"), (2000, 1), (56001, True), (5000, True), (403, True)]
)
def test_code_and_success_that_disagree_are_nonsense(code: int, success: object) -> None:
    """An envelope whose code and success contradict each other is a bad response."""
    assert failure_of(answer(200, envelope(code, {}, success=success))).code is ErrorCode.BACKEND_BAD_RESPONSE


def test_success_without_its_flag_is_nonsense() -> None:
    """Code 2000 alone is no success."""
    assert failure_of(answer(200, {"code": 2000, "data": {}})).code is ErrorCode.BACKEND_BAD_RESPONSE


def test_older_generation_fails_loudly() -> None:
    """Code 200 is the success of the older generation: a bad response that says so."""
    error = failure_of(answer(200, envelope(200, {"status": 9}, success=True)))

    assert error.code is ErrorCode.BACKEND_BAD_RESPONSE
    assert "older generation" in error.message


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Mon, 24 Mar 2025 20:00:30 GMT", 30.0),
        ("Mon, 24 Mar 2025 19:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_rate_limit_tells_how_long_to_wait(header: str | None, seconds: float | None) -> None:
    """Retry-After in seconds or as a date becomes seconds from now; anything else is not known."""
    assert failure_of(answer(429, b"slow down", header)).retry_after_s == seconds


@pytest.mark.parametrize("stale", [answer(200, envelope(403)), answer(403, b"expired")])
def test_stale_signature_is_told_apart(stale: Answer) -> None:
    """403, in the envelope or as HTTP status, is the refusal that a new signature may cure."""
    assert isinstance(failure_of(stale), StaleSignatureError)


@pytest.mark.parametrize("request_id", ["line\nbreak", "x" * 65, 7, None, ""])
def test_request_id_reaches_the_log_only_if_harmless(request_id: object) -> None:
    """A request id that is no short identifier is left out of the log."""
    error = failure_of(answer(200, {**envelope(5000), "requestId": request_id}))

    assert error.log_detail.endswith("requestId=none")


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b'"\xff"', b"{,}"])
def test_only_strict_json_is_json(body: bytes) -> None:
    """What the JSON standard does not allow is no JSON, also where big integers need the second reader."""
    with pytest.raises(ValueError, match=r".*"):
        decode(body)


def test_deeply_nested_bodies_are_no_envelope() -> None:
    """A body nested beyond any use is refused instead of exhausting the stack."""
    body = b'{"code":2000,"success":true,"data":' + b"[" * 900 + b"12345678901234567890" + b"]" * 900 + b"}"

    assert isinstance(outcome_of(answer(200, body)), Reply | GatewayError)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**24), 10**24) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON_VALUES)
def test_integers_of_any_size_are_exact(value: object) -> None:
    """No digit of any integer is lost in reading."""
    assert decode(json.dumps(value).encode()) == value


@given(st.binary(), st.sampled_from([200, 404, 500]))
def test_no_bytes_break_the_reader(body: bytes, status: int) -> None:
    """Whatever the bytes, the outcome is a reply or one of our failures."""
    assert isinstance(outcome_of(answer(status, body)), Reply | GatewayError)
