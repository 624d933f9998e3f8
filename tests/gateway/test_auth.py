"""Credentials become a Caller, or a refusal."""

import hashlib
import time
from pathlib import Path

import pytest

from gateway.auth import ApiKey, Authenticator, KeysError, read_api_keys
from gateway.refusals import Refusal
from gateway.reread import RereadFile
from schema.context import Caller, Scope
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_api_keys() -> None:
    """Names, hashes and scopes; no scopes means `read`; commas, lines and comments separate."""
    text = f"ci:{_hash('a')}:read+write, bot:{_hash('b')}\n# someone, who left\n\nhr:{_hash('c').upper()}:people\n"

    assert read_api_keys(text) == (
        ApiKey(hashlib.sha256(b"a").digest(), Caller("ci", frozenset({Scope.READ, Scope.WRITE}))),
        ApiKey(hashlib.sha256(b"b").digest(), Caller("bot", frozenset({Scope.READ}))),
        ApiKey(hashlib.sha256(b"c").digest(), Caller("hr", frozenset({Scope.PEOPLE}))),
    )


@pytest.mark.parametrize("entry", ["x", "x:", "x:abc", f":{_hash('a')}", f"a b:{_hash('a')}", f"x:{_hash('a')}:admin"])
def test_wrong_api_keys(entry: str) -> None:
    """What cannot be an entry is refused, and its hash is not told."""
    with pytest.raises(KeysError) as refused:
        read_api_keys(entry)
    assert _hash("a") not in str(refused.value)


async def test_callers() -> None:
    """A key's caller has its name and scopes; nobody at all is anonymous where that is allowed."""
    keys = read_api_keys(f"ci:{_hash('right-key')}:write")
    open_house = Authenticator(lambda: keys, anonymous=frozenset({Scope.READ}))

    assert await open_house.caller_of("Bearer right-key") == Caller("ci", frozenset({Scope.WRITE}))
    assert await open_house.caller_of("bearer  right-key") == Caller("ci", frozenset({Scope.WRITE}))
    assert await open_house.caller_of(None) == Caller("anonymous", frozenset({Scope.READ}))


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic right-key", "right-key", "Bearer " + "x" * 9000, "Bearer \udc80"],
)
async def test_bad_credentials(header: str) -> None:
    """Bad credentials are refused even where none are needed: their owner believes to be someone."""
    keys = read_api_keys(f"ci:{_hash('right-key')}")
    authenticator = Authenticator(lambda: keys, anonymous=frozenset({Scope.READ}))

    with pytest.raises(Refusal) as refused:
        await authenticator.caller_of(header)
    assert (refused.value.status, refused.value.code) == (401, "UNAUTHENTICATED")
    assert 'error="invalid_token"' in refused.value.headers["WWW-Authenticate"]


async def test_no_credentials() -> None:
    """Where credentials are needed, none are 401 with a challenge."""
    with pytest.raises(Refusal) as refused:
        await Authenticator().caller_of(None)
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_file_of_keys_is_reread(tmp_path: Path) -> None:
    """A changed file counts within a second or so; a broken one leaves the keys as they were."""
    path = tmp_path / "keys"
    path.write_text(f"old:{_hash('old-key')}")
    clock = FakeClock()
    file = RereadFile(path, read_api_keys, clock, lambda: time.time() + 1)
    authenticator = Authenticator(lambda: file.value)
    assert (await authenticator.caller_of("Bearer old-key")).name == "old"

    path.write_text(f"renewed:{_hash('new-key')}")
    clock.seconds += 1.1
    assert (await authenticator.caller_of("Bearer new-key")).name == "renewed"
    with pytest.raises(Refusal):
        await authenticator.caller_of("Bearer old-key")

    for broken in ("half of a li", None):
        path.write_text(broken) if broken else path.unlink()
        clock.seconds += 1.1
        assert (await authenticator.caller_of("Bearer new-key")).name == "renewed"


async def test_a_file_that_is_being_written(tmp_path: Path) -> None:
    """While a file is being written the keys stay as they were: a part of it would lock the others out."""
    path = tmp_path / "keys"
    path.write_text(f"old:{_hash('old-key')}")
    clock, seconds_since_written = FakeClock(), 0.0
    file = RereadFile(path, read_api_keys, clock, lambda: path.stat().st_mtime + seconds_since_written)
    authenticator = Authenticator(lambda: file.value)

    path.write_text("")
    clock.seconds += 1.1
    assert (await authenticator.caller_of("Bearer old-key")).name == "old"

    path.write_text(f"old:{_hash('old-key')}\nnew:{_hash('new-key')}")
    seconds_since_written = 0.3
    clock.seconds += 0.3
    assert (await authenticator.caller_of("Bearer new-key")).name == "new"
    assert (await authenticator.caller_of("Bearer old-key")).name == "old"
