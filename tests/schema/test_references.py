"""Ids are parsed once, at the edge."""

import pytest
import strawberry
from strawberry import ID

from schema.errors import ErrorCode, GatewayError
from schema.node import decode_id, encode_id
from schema.references import (
    Reference,
    ScaleUniqueId,
    global_id,
    reference_of_id,
    rosetta_reference,
    scale_reference,
    to_selector,
    unique_id,
)
from schema.references import RosettaTaskBy as RosettaBy
from schema.references import TaskBy as By
from tests.fakes import rosetta, scale

BAD_SCALE_IDS = ["", "x" * 5000, "x" * 129, "../../x", "a/b", "a?x=1", "%2e%2e", "a\r\nb", "a\0", "\ud800", "车", "a b"]


def by(**given: object) -> By:
    names = ("id", "scale_task_id", "scale_unique_id", "rosetta")
    some = {name: strawberry.Some(given[name]) if name in given else None for name in names}
    return By(**some)  # type: ignore[arg-type]  # each of its own type


@pytest.mark.parametrize("task_id", BAD_SCALE_IDS)
def test_scale_task_id_that_cannot_be(task_id: str) -> None:
    """A Scale task id outside its pattern is refused, naming where it stands."""
    with pytest.raises(GatewayError) as refused:
        to_selector(by(scale_task_id=task_id), "by", "3")

    assert refused.value.code is ErrorCode.BAD_USER_INPUT
    assert refused.value.path == ("by", "3", "scaleTaskId")


@pytest.mark.parametrize("text", ["a/b", "s3://b/f.png", "x y&z=1", "車両", "..", "%2e", "x" * 2048])
def test_customers_own_text(text: str) -> None:
    """A scene id or unique id is the customer's own text, slashes and all."""
    assert unique_id(text) == text
    assert rosetta_reference("c", "r", text).scene_id == text


@pytest.mark.parametrize("text", ["", "x" * 2049, "車" * 683, "a\nb", "a\0", "a\x7f", "a\x85", "\ud800"])
def test_text_that_cannot_be(text: str) -> None:
    """Empty, too many bytes, control characters and lone surrogates are refused."""
    with pytest.raises(GatewayError) as refused:
        unique_id(text, "by", "scaleUniqueId")

    assert refused.value.code is ErrorCode.BAD_USER_INPUT


def test_campaign_ids_are_counted_in_bytes() -> None:
    """85 characters of three bytes fit into 255 bytes, 86 do not."""
    assert rosetta_reference("車" * 85, "r", "s").campaign_id == "車" * 85

    too_long = RosettaBy(campaign_id=ID("車" * 86), annotation_request_id=ID("r"), scene_id=ID("s"))
    with pytest.raises(GatewayError) as refused:
        to_selector(by(rosetta=too_long), "by")

    assert refused.value.path == ("by", "rosetta", "campaignId")


@pytest.mark.parametrize("reference", [scale("abc"), rosetta("a/b", "車両", "x y&z=1")])
def test_global_id_names_its_task(reference: Reference) -> None:
    """A task's global id leads back to the same reference, in every field that takes it."""
    id = global_id(reference)

    assert reference_of_id(id) == reference
    assert to_selector(by(id=id), "by") == reference
    assert id.replace("-", "").replace("_", "").isalnum()


def test_unique_id_is_no_reference() -> None:
    """A unique id names a task only after Scale was asked."""
    assert to_selector(by(scale_unique_id="a/b"), "by") == ScaleUniqueId("a/b")


@pytest.mark.parametrize(
    "id",
    [
        "",
        "scale:abc",
        "!!!!",
        encode_id("Task", "SCALE", "a/b"),
        encode_id("Task", "ROSETTA", "c", "r"),
        encode_id("Campaign", "c"),
        global_id(scale("abc")) + "=",
        global_id(scale("abc"))[:-1],
        "W1" * 20_000,
        "é",
    ],
)
def test_id_that_is_none(id: str) -> None:
    """A text that no answer ever held is refused, however near to an id it looks."""
    with pytest.raises(GatewayError) as refused:
        reference_of_id(id, "by", "id")

    assert refused.value.code is ErrorCode.BAD_USER_INPUT


def test_one_spelling_an_object() -> None:
    """Another spelling of the same JSON is no id: caches would hold twins."""
    import base64

    spaced = base64.urlsafe_b64encode(b'["Task", "SCALE","abc"]').rstrip(b"=").decode()

    with pytest.raises(GatewayError):
        decode_id(spaced)


def test_scale_reference_is_a_key() -> None:
    """Equal ids make equal, hashable references."""
    assert {scale_reference("abc"), scale_reference("abc")} == {scale("abc")}
