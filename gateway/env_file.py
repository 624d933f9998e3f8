"""A file of NAME=value lines, as `--env-file` takes it: every line is a setting, or is refused."""

import io
import re
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from gateway.settings import PREFIX, SettingsError

_NAME = re.compile(r"[\w.-]+")
# The text of a line may be a secret; what begins like one of our names is none.
_OUR_NAME = re.compile(rf"\s*(?:export\s+)?({PREFIX}\w+)")


def read_env_file(path: Path) -> dict[str, str]:
    """What the file sets, each value as it stands there: nothing is put in the place of `${…}`.

    Raises SettingsError for a file that cannot be read, and naming the first line that sets nothing and is no comment.
    """
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(_text(path))):
        if binding.key is None and not binding.error:  # a comment, or the blank end
            continue
        if binding.error or binding.key is None or binding.value is None or not _NAME.fullmatch(binding.key):
            raise SettingsError(f"--env-file: {path}, {_place(binding)}: this is no NAME=value (is a quote left open?)")
        found[binding.key] = binding.value
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"--env-file: there is no file {path}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--env-file: {path} is not written in UTF-8") from None
    except OSError as error:
        raise SettingsError(f"--env-file: {path}: {error.strerror}") from None


def _place(binding: Binding) -> str:
    """The line, and which of our names stands there, if any."""
    said = binding.original.string
    blank_lines = len(said[: len(said) - len(said.lstrip())].splitlines())
    name = _OUR_NAME.match(said)
    return f"line {binding.original.line + blank_lines}" + (f", {name[1]}" if name else "")
