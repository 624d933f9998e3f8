"""JSON Web Tokens and the keys that vouch for them."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.jwks import JwtVerifier, KeySet
from schema.context import Caller, Scope
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

ISSUER, AUDIENCE = "https://issuer.example", "task-gateway"
FIRST = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECOND = ec.generate_private_key(ec.SECP256R1())


def _jwk(key: Any, name: str, **more: object) -> dict[str, Any]:
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": name, "use": "sig", **more}


class FakeIssuer:
    """Publishes keys, counts who asks, and can be out of order."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.is_down = False

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.is_down:
            raise OSError("down")
        return json.dumps({"keys": self.keys}).encode()


def _token(key: Any = FIRST, name: str = "first", algorithm: str = "RS256", **claims: Any) -> str:
    standard = {"iss": ISSUER, "aud": AUDIENCE, "exp": 1000, "sub": "ada", "scope": "read openid people"}
    payload = {name: value for name, value in {**standard, **claims}.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": name})


class Verifying:
    """A verifier, its issuer and its clock."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.issuer = FakeIssuer(*(keys or (_jwk(FIRST, "first"),)))
        self.keys = KeySet(self.issuer.fetch, self.clock)
        self.verifier = JwtVerifier(self.keys, issuer=ISSUER, audience=AUDIENCE, clock=self.clock)

    async def caller_of(self, token: str) -> Caller | None:
        return await self.verifier.caller_of(token)


async def test_a_good_token() -> None:
    """Name, our scopes among others, and when it ends; the issuer is asked once."""
    verifying = Verifying(_jwk(FIRST, "first"), _jwk(SECOND, "second"))

    for _ in range(3):
        caller = await verifying.caller_of(_token())
        assert caller == Caller("ada", frozenset({Scope.READ, Scope.PEOPLE}), 1030)
    assert await verifying.caller_of(_token(SECOND, "second", "ES256")) is not None
    assert verifying.issuer.asked == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": -100},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": 500},
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": None},
    ],
)
async def test_claims_that_do_not_hold(claims: dict[str, Any]) -> None:
    """Expired, early, or made by or for someone else."""
    assert await Verifying().caller_of(_token(**claims)) is None


async def test_forgeries() -> None:
    """No signature, another key's, the public key used as a secret, and what is no token at all."""
    verifying = Verifying()
    public = _jwk(FIRST, "first")["n"]
    head, body, signature = _token().split(".")

    for token in (
        jwt.encode({"sub": "eve"}, key="", algorithm="none", headers={"kid": "first"}),
        _token(SECOND, "first", "ES256"),
        jwt.encode({"sub": "eve", "exp": 1000}, public, algorithm="HS256", headers={"kid": "first"}),
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.",
        "x.y.z",
        "a-key",
        "",
        "..",
    ):
        assert await verifying.caller_of(token) is None


async def test_it_ends_when_it_expires() -> None:
    """A token that was good is refused once its time is over, thirty seconds' grace included."""
    verifying = Verifying()
    token = _token()
    assert await verifying.caller_of(token) is not None

    verifying.clock.seconds = 1031
    assert await verifying.caller_of(token) is None


async def test_unknown_keys_ask_once_a_minute() -> None:
    """Made-up key ids cause one question a minute, and a key published since is found by it."""
    verifying = Verifying()
    await verifying.caller_of(_token())
    for number in range(50):
        assert await verifying.caller_of(_token(SECOND, f"made-up-{number}", "ES256")) is None
    assert verifying.issuer.asked == 1

    verifying.issuer.keys.append(_jwk(SECOND, "second"))
    verifying.clock.seconds = 61
    assert await verifying.caller_of(_token(SECOND, "second", "ES256")) is not None
    assert verifying.issuer.asked == 2


async def test_the_issuers_outage() -> None:
    """While the issuer is down its known keys go on vouching."""
    verifying = Verifying()
    await verifying.caller_of(_token())
    verifying.issuer.is_down = True
    verifying.clock.seconds = 700

    assert await verifying.caller_of(_token(sub="new")) is not None
    await verifying.keys.aclose()
    assert await verifying.caller_of(_token(SECOND, "second", "ES256")) is None
    assert await verifying.caller_of(_token()) is not None


async def test_an_issuer_that_is_down_from_the_start() -> None:
    """Nobody is let in, and the first key that arrives is used within seconds."""
    verifying = Verifying()
    verifying.issuer.is_down = True
    assert await verifying.caller_of(_token()) is None
    assert await verifying.caller_of(_token()) is None
    assert verifying.issuer.asked == 1

    verifying.issuer.is_down = False
    verifying.clock.seconds = 6
    assert await verifying.caller_of(_token()) is not None


async def test_a_withdrawn_key() -> None:
    """What a key signed is refused once the issuer no longer publishes it."""
    verifying = Verifying(_jwk(FIRST, "first"), _jwk(SECOND, "second"))
    assert await verifying.caller_of(_token()) is not None

    verifying.issuer.keys = [_jwk(SECOND, "second")]
    verifying.clock.seconds = 601
    await verifying.caller_of(_token())  # starts the refresh in the background
    refreshing = verifying.keys._refreshing
    assert refreshing is not None
    await refreshing

    assert await verifying.caller_of(_token()) is None


async def test_keys_of_no_use() -> None:
    """Keys for encryption, shared secrets and unknown kinds are passed over."""
    secret = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "alg": "HS256"}
    verifying = Verifying(secret, {"kty": "future", "kid": "x"}, _jwk(SECOND, "enc", use="enc"), _jwk(FIRST, "first"))

    assert await verifying.caller_of(_token()) is not None
    assert await verifying.keys.find("secret") is None
    assert await verifying.keys.find("enc") is None
