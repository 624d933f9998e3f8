"""What a task looks like in an export."""

import csv
import io

import orjson
import pytest

from gateway.export.rows import COLUMNS, Format, header, lines
from schema import build_schema
from schema.status import BackendStatus
from tests.fakes import fake_task, rosetta, scale


def test_columns_are_the_schemas() -> None:
    """Every column is a field of Task, under the same name."""
    task = build_schema()._schema.type_map["Task"]

    assert set(COLUMNS) <= set(task.fields)  # type: ignore[attr-defined]  # it is an object type


def test_ndjson() -> None:
    """A line a task, with the names of people nowhere."""
    task = fake_task(rosetta("s3://bucket/a b.png"))
    task.backend_status = BackendStatus(value="6", label="review in progress", pool="REVIEW")

    (line,) = lines(Format.NDJSON, [task]).splitlines()

    row = orjson.loads(line)
    assert row["backend"] == "ROSETTA"
    assert row["sceneId"] == "s3://bucket/a b.png"
    assert row["scaleTaskId"] is None
    assert row["backendStatus"] == {"value": "6", "label": "review in progress", "pool": "REVIEW"}
    assert row["fetchedAt"] == "2026-03-01T12:00:00.000Z"
    assert "raw" not in row
    assert "audits" not in row


@pytest.mark.parametrize("text", ["=1+2", "+49 30", "-1", "@name", "\t=1", "'quoted", '=HYPERLINK("x","y")'])
def test_cells_are_what_the_task_has(text: str) -> None:
    """What a spreadsheet would take for a formula is neither changed nor marked: programs read back the same text."""
    task = fake_task(scale("abc"), unique_id=text)

    written = (header(Format.CSV) + lines(Format.CSV, [task])).decode()

    (row,) = csv.DictReader(io.StringIO(written, newline=""))
    assert row["uniqueId"] == text


def test_csv() -> None:
    """A header, and cells that keep commas, quotes and line ends; what is no plain value is JSON."""
    task = fake_task(scale("abc"), unique_id='a,"b"\nc')
    task.tags = ("x", "y,z")

    text = (header(Format.CSV) + lines(Format.CSV, [task])).decode()

    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["uniqueId"] == 'a,"b"\nc'
    assert orjson.loads(row["tags"]) == ["x", "y,z"]
    assert row["metadata"] == "{}"
    assert row["isStale"] == "false"
    assert row["campaignId"] == ""
