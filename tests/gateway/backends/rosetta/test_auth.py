"""The signature of a request."""

from dataclasses import dataclass

import pytest

from gateway.backends.rosetta.auth import sign


@dataclass(frozen=True)
class Vector:
    now_ms: int
    secret_key: str
    access_key: str
    digest: str


@pytest.mark.parametrize(
    "vector",
    [
        Vector(
            1715948940207,
            "vgj5kz13hasie8c8irezz7u5fok3mzb6",
            "6y2fw7zeqgde3796rtbuk8ag9iyxmam6",
            "a3a4f9444fdfe19859975e8f8703dc43",
        ),
        Vector(1742846400000, "example-secret-key", "example-access-key", "c97101dd9a2d5efc1fe7b7b8be9986c6"),
        Vector(0, "s", "a", "17024ff7b57424f94ad0d454303d563d"),
    ],
)
def test_signature_is_the_documented_digest(vector: Vector) -> None:
    """The headers carry the key, the time and the documented digest of both keys and that time."""
    headers = sign(vector.access_key, vector.secret_key, vector.now_ms)

    assert headers == {
        "X-STARDUST-KEY": vector.access_key,
        "X-TS": str(vector.now_ms),
        "X-SIGN": vector.digest,
    }


def test_keys_in_the_wrong_order_make_another_digest() -> None:
    """The secret stands before the access key: swapped keys give the digest that Rosetta must reject."""
    right = sign("example-access-key", "example-secret-key", 1742846400000)
    swapped = sign("example-secret-key", "example-access-key", 1742846400000)

    assert swapped["X-SIGN"] == "e4fcd11874d3290155b553ddba12372d" != right["X-SIGN"]
