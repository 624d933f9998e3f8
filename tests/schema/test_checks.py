"""What an input must be before anything is sent."""

import json

import pytest

from schema.checks import MAX_METADATA_BYTES, checked_idempotency_key, checked_metadata, checked_tags
from schema.errors import GatewayError
from schema.scalars import JSON


def test_tags_once_each() -> None:
    """Duplicates are folded before they are counted; the order stays."""
    assert checked_tags(["b", "a", "b", "c", "d", "e", "a"], "tags") == ("b", "a", "c", "d", "e")


@pytest.mark.parametrize(
    ("tags", "path"), [(["a", ""], ("tags", "1")), (["\ud800"], ("tags", "0")), ([*"abcdef"], ("tags",))]
)
def test_bad_tags(tags: list[str], path: tuple[str, ...]) -> None:
    """An empty tag or one that is no text is named by its place."""
    with pytest.raises(GatewayError) as caught:
        checked_tags(tags, "tags")

    assert caught.value.path == path


def test_metadata_up_to_10_kb() -> None:
    """10 240 bytes of UTF-8 as sent are taken, one more is not."""
    room = MAX_METADATA_BYTES - len(b'{"a":""}')
    largest = {"a": "é" * (room // 2)}

    assert json.dumps(checked_metadata(largest, "metadata")) == json.dumps(largest)
    assert len(json.dumps(largest, ensure_ascii=False, separators=(",", ":")).encode()) == MAX_METADATA_BYTES
    with pytest.raises(GatewayError):
        checked_metadata({"a": largest["a"] + "b"}, "metadata")


def _nested(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        "a",
        1,
        True,
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "\ud800"},
        {"\udfff": 1},
        _nested(32),
        _nested(50_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_bad_metadata(metadata: object) -> None:
    """Only an object that JSON can carry is metadata."""
    with pytest.raises(GatewayError) as caught:
        checked_metadata(metadata, "metadata")

    assert caught.value.path == ("metadata",)


def test_metadata_of_32_levels() -> None:
    """Objects and lists may nest 32 levels; the refusal of more names the bound."""
    assert checked_metadata(_nested(31), "metadata") == JSON(_nested(31))
    with pytest.raises(GatewayError, match="32 levels"):
        checked_metadata({"a": [_nested(30)]}, "metadata")


@pytest.mark.parametrize("key", ["", "a b", "a\n", "é", "a" * 256, "\x7f"])
def test_bad_idempotency_keys(key: str) -> None:
    """A key must fit into a header as it is."""
    with pytest.raises(GatewayError):
        checked_idempotency_key(key, "key")
