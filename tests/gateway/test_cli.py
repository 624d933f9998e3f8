"""What commands write: those that cannot begin say why in a sentence, and promise nothing."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.running.processes import free_port
from gateway.cli import main

ROOT = Path(__file__).parents[2]


def test_a_sandbox_where_a_port_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and one sentence; no address is printed where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = main(["sandbox", "--scale-port", "0", "--rosetta-port", port])

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert said.err == f"127.0.0.1, port {port}: cannot listen there: Address already in use\n"


@pytest.mark.parametrize("host", ["256.1.1.1", "ü" * 70, "a..b", "::g"])
def test_a_sandbox_where_there_is_no_such_host(capsys: pytest.CaptureFixture[str], host: str) -> None:
    """The same for a host that does not exist, or cannot."""
    code = main(["sandbox", "--host", host, "--scale-port", "0", "--rosetta-port", "0"])

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert "port 0: cannot listen there: " in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("command", [["demo", "--port"], ["sandbox", "--scale-port"], ["sandbox", "--rosetta-port"]])
@pytest.mark.parametrize("text", ["abc", "65536", "-1", "1.5", "9" * 5000, "٣"])
def test_a_port_that_is_none(capsys: pytest.CaptureFixture[str], command: list[str], text: str) -> None:
    """Exit code 2, and what a port may be."""
    with pytest.raises(SystemExit) as ended:
        main([*command, text] if not text.startswith("-") else [*command[:-1], f"{command[-1]}={text}"])

    assert ended.value.code == 2
    assert "0 (any that is free) to 65535" in capsys.readouterr().err


def test_what_a_check_logs() -> None:
    """Its log is that of the settings; what it found stands alone on standard output."""
    ours = {"GATEWAY_SCALE__API_KEY": "key", "GATEWAY_SCALE__BASE_URL": f"http://127.0.0.1:{free_port()}/v1"}
    others = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check"],
        cwd=ROOT,
        env={**others, **ours, "GATEWAY_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert re.fullmatch(r"SCALE: no answer: .*\nROSETTA: not configured\n", done.stdout)
    assert {json.loads(line)["event"] for line in done.stderr.splitlines()} == {"backend call failed"}
