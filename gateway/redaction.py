"""What must never stand in a log: the settings' secrets, however they are spelt, and callers' credentials."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

_CREDENTIALS = re.compile(r"(?i)\b(bearer|basic)(\s+|%20)[A-Za-z0-9._~+/=-]{6,}")
# A shorter text would blank out innocent words.
_SHORTEST_SECRET = 6
_MASK = "***"


class Redactor:
    """Replaces every known secret, and whatever follows `Bearer` or `Basic`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: what is left of it by a shorter one would still tell something.
        self._spellings = sorted({text for secret in secrets for text in _spellings(secret)}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, self._spellings)))

    def __call__(self, text: str) -> str:
        # Nearly no line holds any: looking for plain texts takes a tenth of what the patterns take.
        for spelling in self._spellings:
            if spelling in text:
                text = self._secrets.sub(_MASK, text)
                break
        folded = text.casefold()
        if "bearer" in folded or "basic" in folded:
            text = _CREDENTIALS.sub(rf"\1 {_MASK}", text)
        return text


def _spellings(secret: str) -> Iterator[str]:
    """The secret itself, in JSON, in a URL, as a Basic user name, and the password inside it if it is a URL."""
    if len(secret) < _SHORTEST_SECRET:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="")
    yield base64.b64encode(f"{secret}:".encode()).decode()
    if "://" in secret:
        password = urlsplit(secret).password
        if password:
            yield from _spellings(password)
