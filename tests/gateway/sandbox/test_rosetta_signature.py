"""Who may call the emulated Rosetta."""

import httpx
import pytest

from gateway.sandbox.rosetta.signature import SignedHeaders, refusal_code, sign
from tests.gateway.sandbox.rosetta_client import (
    ACCESS_KEY,
    BASE_URL,
    SECRET_KEY,
    START,
    START_TS,
    rosetta,
    signed,
)

pytestmark = pytest.mark.anyio

SWAPPED = "e4fcd11874d3290155b553ddba12372d"


@pytest.mark.parametrize(
    ("ts", "secret", "key", "expected"),
    [
        (
            "1715948940207",
            "vgj5kz13hasie8c8irezz7u5fok3mzb6",
            "6y2fw7zeqgde3796rtbuk8ag9iyxmam6",
            "a3a4f9444fdfe19859975e8f8703dc43",
        ),
        (START_TS, SECRET_KEY, ACCESS_KEY, "c97101dd9a2d5efc1fe7b7b8be9986c6"),
        ("0", "s", "a", "17024ff7b57424f94ad0d454303d563d"),
    ],
)
def test_known_signatures_are_accepted(ts: str, secret: str, key: str, expected: str) -> None:
    """Each worked example signs to its digest and passes the check at its own time."""
    wall_time = START.fromtimestamp(int(ts) / 1000, START.tzinfo)
    headers = SignedHeaders(key, ts, expected)

    assert sign(ts, secret, key) == expected
    assert refusal_code(headers, access_key=key, secret_key=secret, wall_time=wall_time, window_s=300) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"X-SIGN": SWAPPED}, 401),
        ({"X-SIGN": signed()["X-SIGN"].upper()}, 401),
        ({"X-SIGN": ""}, 401),
        ({"X-TS": "1742846400001"}, 401),
        (signed(ts="1742846400"), 403),
        (signed(ts="-5"), 401),
        (signed(ts="9" * 19), 401),
        (signed(ts="soon"), 401),
        ({"X-STARDUST-KEY": "somebody-else"}, 402),
        (signed(ts=str(int(START_TS) - 300_001)), 403),
        (signed(ts=str(int(START_TS) + 300_001)), 403),
        (signed(ts=str(int(START_TS) - 300_000)), 2000),
    ],
)
async def test_wrong_headers_are_refused_in_the_envelope(changes: dict[str, str], code: int) -> None:
    """A wrong signature is 401, an unknown key 402, a stale one 403, each with HTTP 200."""
    response = await rosetta().http.get(f"{BASE_URL}/system/getStatus", headers=signed() | changes)

    assert response.status_code == 200
    assert response.json()["code"] == code
    assert response.json()["success"] is (code == 2000)


async def test_missing_headers_are_an_unknown_key() -> None:
    """A call without any credentials is refused with 402 and no data."""
    envelope = (await rosetta().http.get(f"{BASE_URL}/system/getStatus")).json()

    assert (envelope["code"], envelope["data"]) == (402, None)


async def test_the_window_is_checked_against_the_wall_time_given() -> None:
    """A client that signs with the real time is welcome although the sandbox clock stands elsewhere."""
    from_elsewhere = rosetta()
    with_wall_time = from_elsewhere.sandbox.__class__(
        from_elsewhere.clock,
        access_key="a",
        secret_key="s",
        wall_time=lambda: START.fromtimestamp(0, START.tzinfo),
    )
    headers = signed("0", secret="s", key="a")
    transport = httpx.ASGITransport(with_wall_time.app)

    async with httpx.AsyncClient(transport=transport) as client:
        envelope = (await client.get(f"{BASE_URL}/system/getStatus", headers=headers)).json()

    assert envelope["code"] == 2000
