"""What fields of a task show of its record."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.scale.record import ScaleRecord
from schema.scalars import JSON
from tests.gateway.backends.scale.scripted import recorded
from tests.gateway.backends.test_exact_json import TEXT, VALUES


def test_raw_is_the_record_as_received() -> None:
    """With the scope for it, nothing is missing, and fields nobody knows are there."""
    for name in ("pending", "completed", "audited", "extra_fields", "null_fields", "mistyped"):
        body = recorded(name)

        assert ScaleRecord(body).raw(with_people=True) == json.loads(body)


def test_names_of_people_are_null_without_their_scope() -> None:
    """`audits[].audited_by` is null and nothing else is: not even the same name elsewhere in the record."""
    body = recorded("audited")
    expected = json.loads(body)
    for audit in expected["audits"]:
        audit["audited_by"] = None

    assert ScaleRecord(body).raw(with_people=False) == expected
    assert ScaleRecord(recorded("completed")).raw(with_people=False) == json.loads(recorded("completed"))


def test_names_in_audits_of_another_shape_are_null_too() -> None:
    """A shape that is not documented shows no name either."""
    record = ScaleRecord(b'{"audits":{"1":{"audited_by":{"name":"jane"},"more":[{"audited_by":"joe"}]}}}')

    assert record.raw(with_people=False) == JSON(
        {"audits": {"1": {"audited_by": None, "more": [{"audited_by": None}]}}}
    )


def test_large_integers_are_text() -> None:
    """Integers beyond 2^53 are exact texts in every field that shows the record."""
    record = ScaleRecord(recorded("big_integers"))
    metadata = {
        "safe": 9007199254740991,
        "unsafe": "9007199254740993",
        "fraction": 0.12345678901234567,
        "digits": "466917967054114816904",
    }

    raw = record.raw(with_people=True)

    assert record.params() == JSON({"scene": "466917967054114816904", "below_zero": "-466917967054114816904"})
    assert record.metadata() == JSON(metadata)
    assert isinstance(raw, dict)
    assert raw["metadata"] == metadata


def test_parts_that_are_missing() -> None:
    """Without params and response there is null, without metadata an empty object."""
    for name in ("bare", "null_fields"):
        record = ScaleRecord(recorded(name))

        assert (record.params(), record.response(), record.metadata()) == (None, None, JSON({}))


def test_parts_that_do_not_fit() -> None:
    """Params and metadata that are no objects are as if missing; `raw` keeps them."""
    record = ScaleRecord(recorded("mistyped"))

    assert (record.params(), record.metadata()) == (None, JSON({}))
    assert record.raw(with_people=True) == json.loads(recorded("mistyped"))


def test_response_of_a_failed_task() -> None:
    """Both documented forms of an error are shown as they are."""
    for name in ("error_attachments", "error_frames"):
        assert ScaleRecord(recorded(name)).response() == json.loads(recorded(name))["response"]


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_nothing_else_than_names_is_ever_lost(fields: dict[str, object]) -> None:
    """Whatever the record, `raw` without names differs from it in the audits only."""
    body = json.dumps({"audits": 1, **fields}).encode()

    with_people, without = (ScaleRecord(body).raw(with_people=it) for it in (True, False))

    assert isinstance(with_people, dict)
    assert isinstance(without, dict)
    assert list(with_people) == list(without)
    assert {**without, "audits": None} == {**with_people, "audits": None}
