"""Cursors hold what they were given, and nothing else is one."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.cursor import decode_cursor, encode_cursor
from schema.errors import ErrorCode, GatewayError

POSITION = [[1, 2, "s"], [[-5, "t"], None, False]]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_a_cursor_holds_its_position(position: object) -> None:
    """Whatever the position, the cursor is URL-safe and gives it back."""
    cursor = encode_cursor("tasks", "f", position)

    assert decode_cursor("tasks", "f", cursor) == position
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(("kind", "fingerprint"), [("batches", "f"), ("tasks", "g")])
def test_of_another_list(kind: str, fingerprint: str) -> None:
    """A cursor goes with its list and its filter."""
    with pytest.raises(GatewayError) as caught:
        decode_cursor(kind, fingerprint, encode_cursor("tasks", "f", POSITION))

    assert caught.value.code is ErrorCode.BAD_USER_INPUT
    assert caught.value.path == ("after",)


def test_every_damage_is_found() -> None:
    """One character changed anywhere, or cut off, makes it none."""
    cursor = encode_cursor("tasks", "f", POSITION)
    damaged = [
        cursor[:place] + ("A" if letter != "A" else "B") + cursor[place + 1 :] for place, letter in enumerate(cursor)
    ]

    for text in [*damaged, *(cursor[:place] for place in range(len(cursor))), cursor + "=", cursor + "AA"]:
        with pytest.raises(GatewayError):
            decode_cursor("tasks", "f", text)


def test_of_another_version() -> None:
    """A cursor of another version is refused as such, not misread."""
    cursor = encode_cursor("tasks", "f", POSITION)
    body = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[8:])
    assert body[0] == 1

    with pytest.raises(GatewayError, match="damaged"):
        decode_cursor("tasks", "f", base64.urlsafe_b64encode(json.dumps([2, *body[1:]]).encode()).decode().rstrip("="))
