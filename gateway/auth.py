"""Who is calling: credentials become a Caller."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from gateway.refusals import Refusal, refusal
from gateway.remembered import Remembered
from schema.context import Caller, Scope

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_CREDENTIAL_BYTES = 8192
_MOST_REMEMBERED = 1000
_MOST_REMEMBERED_BYTES = 1024 * 1024


class KeysError(Exception):
    """The text is no list of API keys; the message names the entry, never the hash."""


@dataclass(frozen=True)
class ApiKey:
    """One caller's key, known by its SHA-256 only."""

    sha256: bytes
    caller: Caller


def read_api_keys(text: str) -> tuple[ApiKey, ...]:
    """`name:sha256hex[:scope+scope]`, separated by commas or lines; `#` starts a comment line. Raises KeysError.

    No scopes given means `read`.
    """
    entries = (
        part.strip() for line in text.splitlines() if not line.lstrip().startswith("#") for part in line.split(",")
    )
    return tuple(_api_key(entry) for entry in entries if entry)


def _api_key(entry: str) -> ApiKey:
    name, _, rest = entry.partition(":")
    digest, _, scopes = rest.partition(":")
    if not _NAME.fullmatch(name):
        raise KeysError("an entry has no name of letters, digits and . _ @ -")
    if not _SHA256.fullmatch(digest.lower()):
        raise KeysError(f"the entry of {name} has no SHA-256 of 64 hexadecimal digits")
    return ApiKey(bytes.fromhex(digest), Caller(name, _scopes(name, scopes)))


def _scopes(name: str, text: str) -> frozenset[Scope]:
    if not text:
        return frozenset({Scope.READ})
    try:
        return frozenset(Scope(part) for part in text.split("+"))
    except ValueError:
        raise KeysError(f"the entry of {name} has a scope that is none of read, write, people") from None


class TokenVerifier(Protocol):
    """Judges JSON Web Tokens."""

    async def caller_of(self, token: str) -> Caller | None:
        """Whom the token names; None when it is not, or no longer, to be trusted."""


class Authenticator:
    """Turns an Authorization header into a Caller.

    `api_keys` is asked on every request, so that a file of keys counts as soon as it changes: it gives the same object
    as long as nothing has. Keys are compared in constant time; only their hashes are known here, and the headers that
    were right lately, which a dictionary finds by a hash that is keyed anew in each process.
    """

    def __init__(
        self,
        api_keys: Callable[[], Iterable[ApiKey]] = tuple,
        tokens: TokenVerifier | None = None,
        anonymous: frozenset[Scope] = frozenset(),
    ) -> None:
        self._api_keys = api_keys
        self._tokens = tokens
        self._anonymous = Caller("anonymous", anonymous) if anonymous else None
        self._right: Remembered[str, Caller] = Remembered(_MOST_REMEMBERED, _MOST_REMEMBERED_BYTES)
        self._right_for: Iterable[ApiKey] = ()

    def known(self, authorization: str | None) -> Caller | None:
        """The caller of a header that was right before, under the keys as they still are; None: judge it anew."""
        if authorization is None:
            return self._anonymous
        keys = self._api_keys()
        if keys is not self._right_for:
            self._right.clear()
            self._right_for = keys
        return self._right.get(authorization)

    async def caller_of(self, authorization: str | None) -> Caller:
        """Raises a Refusal UNAUTHENTICATED for missing credentials where they are needed, and for bad ones always."""
        if authorization is None:
            if self._anonymous is None:
                raise unauthenticated("credentials are needed: Authorization: Bearer <key or token>")
            return self._anonymous
        known = self.known(authorization)
        if known is not None:
            return known
        scheme, _, credential = authorization.partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential or len(credential) > _MAX_CREDENTIAL_BYTES:
            raise unauthenticated("the Authorization header is not: Bearer <key or token>", is_bad=True)
        caller = self._by_key(credential)
        if caller is not None:
            self._right.keep(authorization, caller, len(authorization))
        elif self._tokens is not None:
            caller = await self._tokens.caller_of(credential)
        if caller is None:
            raise unauthenticated("the credentials are not valid", is_bad=True)
        return caller

    def _by_key(self, credential: str) -> Caller | None:
        digest = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
        found = None
        # No early end: how long it takes tells nothing about which key it was.
        for key in self._right_for:
            if hmac.compare_digest(key.sha256, digest):
                found = key.caller
        return found


def unauthenticated(message: str, *, is_bad: bool = False) -> Refusal:
    """The refusal of a caller without, or with bad, credentials (RFC 6750, section 3)."""
    challenge = 'Bearer realm="task-gateway"' + (', error="invalid_token"' if is_bad else "")
    return refusal("UNAUTHENTICATED", message, status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": challenge})
