"""JSON without losing a digit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.exact_json import decode, decode_for_clients, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXT, children, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "digits",
    [
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775809",
        "18446744073709551616",
        "466917967054114816904",
        "-466917967054114816904",
        "1" * 3000,
    ],
)
def test_every_digit_of_an_integer_is_kept(digits: str) -> None:
    """An integer of any length is the same integer, and text for clients beyond 2^53."""
    body = f'{{"n":{digits},"m":[{digits}]}}'.encode()

    assert decode(body) == {"n": int(digits), "m": [int(digits)]}
    assert decode_for_clients(body) == {"n": digits, "m": [digits]}
    assert encode(decode(body)) == body


def test_an_integer_that_python_does_not_print_is_its_text() -> None:
    """5000 digits are no exception."""
    assert decode(b"[" + b"7" * 5000 + b"]") == ["7" * 5000]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[9007199254740991]", [9007199254740991]),
        (b"[0.30000000000000004]", [0.30000000000000004]),
        (b"[0.00000012345678901234567]", [0.00000012345678901234567]),
        (b'["466917967054114816904"]', ["466917967054114816904"]),
        (b"[1e400,-1e400]", ["1e400", "-1e400"]),
    ],
)
def test_other_numbers_for_clients(body: bytes, value: object) -> None:
    """Safe integers and fractions stay numbers; what no double holds is its text."""
    assert decode_for_clients(body) == value


def test_lone_surrogates_become_the_replacement_character() -> None:
    r"""A lone \ud800 is no text in UTF-8; pairs are a character as ever."""
    value = decode(rb'{"a\uDC00":["x\ud800y","\ud83d\ude00"]}')

    assert value == {"a\ufffd": ["x\ufffdy", "😀"]}
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "body",
    [b"", b"OK", b"<html></html>", b'{"a":', b"NaN", b"[Infinity]", b"[-Infinity]", b"\xff\xfe{}", b'"\xed\xa0\x80"'],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """Anything that the JSON standard does not know raises ValueError."""
    with pytest.raises(ValueError, match="not JSON"):
        decode(body)


def test_nesting_without_end_is_refused() -> None:
    """100 000 brackets are a ValueError, not a recursion error."""
    with pytest.raises(ValueError, match="nested too deeply"):
        decode(b"[" * 100_000 + b"]" * 100_000)


def test_nesting_beyond_orjson_is_encoded() -> None:
    """300 levels are more than orjson writes."""
    body = b"[" * 300 + b"]" * 300

    assert encode(decode(body)) == body


def test_nesting_beyond_python_is_refused() -> None:
    """1020 levels can be read by orjson and written by nobody."""
    with pytest.raises(ValueError, match="nested too deeply"):
        encode(decode(b"[" * 1020 + b"]" * 1020))


@given(VALUES)
def test_any_json_comes_back(value: object) -> None:
    """What the standard library writes is read as the same value, and written so that it is read again."""
    decoded = decode(json.dumps(value).encode())

    assert decoded == value
    assert decode(encode(decoded)) == value


@pytest.mark.timeout(20)  # looked through from each of its quotes it would take hours
def test_a_text_without_an_end_far_down() -> None:
    """It is no JSON, which is found in one pass."""
    with pytest.raises(ValueError, match=r"JSON|end"):
        decode(b"[" * 2000 + b'"' + b'\\"' * 200_000)
