"""Secrets never stand in a log, however they are spelt."""

import base64
import json
from urllib.parse import quote

import pytest

from gateway.redaction import Redactor

SECRET = 'live_k/ey "with" everything+&'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        json.dumps({"key": SECRET}),
        f"https://x/?k={quote(SECRET, safe='')}",
        base64.b64encode(f"{SECRET}:".encode()).decode(),
        f"Traceback: {SECRET!s} in call",
    ],
)
def test_a_settings_secret(text: str) -> None:
    """As itself, in JSON, in a URL, as a Basic user name."""
    redacted = Redactor([SECRET])(f"before {text} after")

    assert "***" in redacted
    assert "live_k" not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@pytest.mark.parametrize("text", ["Authorization: Bearer abc.def-ghi_jkl", "basic dXNlcjpwYXNz", '"Bearer 0123456789"'])
def test_a_callers_credentials(text: str) -> None:
    """What follows Bearer or Basic is gone, though nobody knows it."""
    redacted = Redactor()(text)

    assert "***" in redacted
    assert not any(part in redacted for part in ("abc.def", "dXNlcjpwYXNz", "0123456789"))


def test_a_password_in_an_address() -> None:
    """The cache's address is secret, and so is the password alone."""
    redact = Redactor(["redis://user:pass-word-1@host/0"])

    assert "pass-word-1" not in redact("redis://user:pass-word-1@host/0 and pass-word-1")


def test_other_words_stay() -> None:
    """Nothing else changes."""
    assert Redactor(["abc"])("abc basics of a bear, bearer of news") == "abc basics of a bear, bearer of news"
