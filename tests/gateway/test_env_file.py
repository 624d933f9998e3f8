"""A file of settings is taken as it stands, or refused with the line that is wrong."""

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.env_file import read_env_file
from gateway.settings import SettingsError


def _file(folder: Path, content: str | bytes) -> Path:
    path = folder / "gateway.env"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_values_as_they_stand(tmp_path: Path) -> None:
    """Comments, quotes and `export` are understood; nothing is put in the place of a dollar."""
    content = "\ufeff# ours\n\nexport A=p${HOME}q # said\nB='x #y'\r\nC=\n  D = \"a\\nb\" \n\n# the end"

    assert read_env_file(_file(tmp_path, content)) == {"A": "p${HOME}q", "B": "x #y", "C": "", "D": "a\nb"}


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("GATEWAY_AUTH__API_KEYS='planted", "line 4, GATEWAY_AUTH__API_KEYS:"),
        ('GATEWAY_AUTH__API_KEYS="planted\nGATEWAY_PORT="1"', "line 4, GATEWAY_AUTH__API_KEYS:"),
        ("GATEWAY_PORT planted", "line 4, GATEWAY_PORT:"),
        ("GATEWAY_PORT: planted", "line 4, GATEWAY_PORT:"),
        ("GATEWAY_PROTT", "line 4, GATEWAY_PROTT:"),
        ("export GATEWAY_PORT", "line 4, GATEWAY_PORT:"),
        ("=planted", "line 4:"),
        ("planted line", "line 4:"),
        ("planted", "line 4:"),
        ('"GATEWAY_PORT"=planted', "line 4:"),
    ],
)
def test_a_line_that_sets_nothing(tmp_path: Path, line: str, place: str) -> None:
    """It is refused with file and line, and with the name where one of ours stands there; its text is never told."""
    path = _file(tmp_path, f"A=1\n\n  \n{line}\nB=2\n")

    with pytest.raises(SettingsError) as refused:
        read_env_file(path)

    assert f"{path}, {place} " in str(refused.value)
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"GATEWAY_HOST=caf\xe9\n", "is not written in UTF-8"),
        (b"GATEWAY_PORT 1\n", "line 1, GATEWAY_PORT"),
        (b"GATEWAY_HOST=a\0b\n", "GATEWAY_HOST: "),
        (b"GATEWAY_TRUSTED_DOCUMENTS=a\0b\n", "GATEWAY_TRUSTED_DOCUMENTS: "),
    ],
)
def test_the_command_ends_with_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    words: str,
) -> None:
    """Exit code 2 before anything is started, and what is wrong on standard error."""
    monkeypatch.delenv("GATEWAY_TEST_EXECUTION", raising=False)  # the tests' own, and no setting
    code = main(["serve", "--env-file", str(_file(tmp_path, content))])

    assert code == 2
    assert words in capsys.readouterr().err


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is named."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(SettingsError, match=str(path)):
            read_env_file(path)
