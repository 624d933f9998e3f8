"""JSON Web Tokens, judged by the keys their issuer publishes."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jwt
import orjson
import structlog
from cachetools import LRUCache

from schema.context import Caller, Scope

_log = structlog.get_logger(__name__)

# Asymmetric only: with HS256 the published key would be the secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_S = 30
# An unknown key id, from anybody's made-up token, must not become traffic to the issuer.
_UNKNOWN_KEY_EVERY_S = 60.0
_RETRY_EMPTY_EVERY_S = 5.0
_REFRESH_EVERY_S = 600.0
_MAX_NAME_CHARACTERS = 128


class KeySet:
    """The issuer's keys by their ids, fetched when first needed and again as they age.

    `fetch` answers the JWKS document. While it fails, the keys read before stay in use.
    """

    def __init__(self, fetch: Callable[[], Awaitable[bytes]], now: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._now = now
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._asked_at: float | None = None
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, None where the issuer publishes no such key, or could not be asked."""
        key = self._keys.get(key_id)
        age = None if self._asked_at is None else self._now() - self._asked_at
        if key is not None:
            if age is not None and age >= _REFRESH_EVERY_S:
                self._start_refresh()
            return key
        pause_s = _UNKNOWN_KEY_EVERY_S if self._keys else _RETRY_EMPTY_EVERY_S
        if self._refreshing is not None or age is None or age >= pause_s:
            await asyncio.shield(self._start_refresh())
        return self._keys.get(key_id)

    async def aclose(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])

    def _start_refresh(self) -> "asyncio.Task[None]":
        if self._refreshing is None:
            self._asked_at = self._now()
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(self._refreshed)
        return self._refreshing

    def _refreshed(self, _: "asyncio.Task[None]") -> None:
        self._refreshing = None

    async def _refresh(self) -> None:
        try:
            self._keys = _signing_keys(orjson.loads(await self._fetch()))
        except Exception as error:  # noqa: BLE001 - the issuer's outage must not end our service
            _log.error("issuer's keys not read", reason=type(error).__name__, keys_in_use=len(self._keys))


def _signing_keys(document: Any) -> Mapping[str, jwt.PyJWK]:
    keys = {}
    for entry in document["keys"]:
        if entry.get("use", "sig") != "sig" or "kid" not in entry:
            continue
        try:
            key = jwt.PyJWK.from_dict(entry)
        except (jwt.PyJWTError, ValueError):
            continue  # of a kind we cannot use, beside others that we can
        if key.algorithm_name in _ALGORITHMS:
            keys[str(entry["kid"])] = key
    return keys


class JwtVerifier:
    """Fulfils `TokenVerifier`. What was verified once is remembered until it expires, under the token's hash."""

    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        audience: str,
        clock: Callable[[], float] = time.time,
        max_kept: int = 10_000,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._kept: LRUCache[bytes, tuple[Caller, jwt.PyJWK]] = LRUCache(max_kept)

    async def caller_of(self, token: str) -> Caller | None:
        """Whom the token names; None when it is forged, expired, or made for someone else."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        kept = self._kept.get(digest)
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError:
            return None
        key = await self._keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            return None
        # A key that the issuer has withdrawn or replaced no longer vouches for what it signed.
        if kept is not None and kept[1] is key:
            return kept[0] if self._is_current(kept[0]) else None
        caller = self._verified(token, key)
        if caller is not None:
            self._kept[digest] = (caller, key)
        return caller

    def _is_current(self, caller: Caller) -> bool:
        return caller.expires_at is None or self._clock() < caller.expires_at

    def _verified(self, token: str, key: jwt.PyJWK) -> Caller | None:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                # Times are judged below, by our own clock.
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        expires_at, not_before = claims["exp"], claims.get("nbf", 0)
        if not isinstance(expires_at, int | float) or not isinstance(not_before, int | float):
            return None
        now = self._clock()
        if now >= expires_at + _LEEWAY_S or now < not_before - _LEEWAY_S:
            return None
        return Caller(_name(claims), _scopes(claims.get("scope")), expires_at + _LEEWAY_S)


def _name(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    text = subject if isinstance(subject, str) else "token"
    return "".join(c if c.isprintable() else "?" for c in text[:_MAX_NAME_CHARACTERS])


def _scopes(claim: object) -> frozenset[Scope]:
    """Words of `scope` that are ours (RFC 8693, section 4.2); others are some other service's."""
    words = claim.split(" ") if isinstance(claim, str) else []
    return frozenset(scope for scope in Scope if scope.value in words)
