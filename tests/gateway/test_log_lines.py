"""Lines of operations go out in order, soon, whole and redacted."""

import io
import json
import logging
from datetime import UTC, datetime

import pytest

from gateway.log_lines import LogLines, Timestamps
from gateway.operation_log import OperationLog
from gateway.redaction import Redactor
from gateway.telemetry import JsonLines
from tests.waiting import until


class Out(io.BytesIO):
    """Standard error that counts what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, data: object) -> int:
        self.writes += 1
        return super().write(data)  # type: ignore[arg-type]  # bytes of any kind


@pytest.mark.anyio
async def test_many_lines_are_one_write_and_soon() -> None:
    """What comes together in a tenth of a second goes out together."""
    out = Out()
    lines = LogLines(out)

    for number in range(100):
        lines.add(b"%d\n" % number)
    before = out.writes
    await until(lambda: out.writes > 0)

    assert before == 0
    assert out.writes == 1
    assert out.getvalue().splitlines() == [b"%d" % number for number in range(100)]


@pytest.mark.anyio
async def test_a_full_buffer_does_not_wait() -> None:
    """32 KiB are written at once."""
    out = Out()
    lines = LogLines(out)

    for _ in range(33):
        lines.add(b"x" * 1023 + b"\n")

    assert len(out.getvalue()) == 32 * 1024


@pytest.mark.anyio
async def test_what_is_written_at_once_comes_behind_what_waits() -> None:
    """Another line never overtakes an operation's; at the end nothing is left."""
    out = Out()
    lines = LogLines(out)

    lines.add(b"first\n")
    lines.write("second\n")
    lines.add(b"third\n")
    lines.flush()

    assert out.getvalue() == b"first\nsecond\nthird\n"


def test_without_an_event_loop_a_line_is_written() -> None:
    """There is nobody who would write it later."""
    out = Out()

    LogLines(out).add(b"alone\n")

    assert out.getvalue() == b"alone\n"


def test_a_stream_that_takes_nothing_harms_nobody() -> None:
    """Whoever reads the log has gone: the gateway goes on."""
    out = Out()
    lines = LogLines(out)
    out.close()

    lines.write("unheard\n")


def test_a_refusals_line_is_json_without_secrets() -> None:
    """A secret that a client puts into its request id does not stand in the line."""
    out = Out()
    log = OperationLog(1000, JsonLines(LogLines(out), Redactor(["planted-secret"])))
    logging.getLogger("gateway.operations").setLevel(logging.INFO)

    log.refused("my-planted-secret-1", "kim", "BAD_USER_INPUT")

    line = json.loads(out.getvalue())
    assert line["request_id"] == "my-***-1"
    assert (line["event"], line["level"], line["logger"]) == ("operation", "info", "gateway.operations")
    assert (line["caller"], line["outcome"], line["codes"]) == ("kim", "refused", ["BAD_USER_INPUT"])


@pytest.mark.parametrize("seconds", [1772360430.123456, 1772360430.0, 0.5])
def test_timestamps(seconds: float) -> None:
    """Moments in UTC, to the microsecond."""
    parsed = datetime.fromisoformat(Timestamps().of(seconds))

    assert abs((parsed - datetime.fromtimestamp(seconds, UTC)).total_seconds()) < 2e-6
