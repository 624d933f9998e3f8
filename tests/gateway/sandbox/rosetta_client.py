"""A client of the emulated Rosetta for its tests: signs by hand, reads envelopes, hides nothing."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.rosetta import RosettaOptions, RosettaSandbox

ACCESS_KEY = "example-access-key"
SECRET_KEY = "example-secret-key"
START = datetime(2025, 3, 24, 20, 0, 0, tzinfo=UTC)
START_TS = "1742846400000"
BASE_URL = "http://rosetta.test/rosetta-open"


def signed(ts: str = START_TS, *, secret: str = SECRET_KEY, key: str = ACCESS_KEY) -> dict[str, str]:
    """The three headers, computed here and not by the emulator's code."""
    digest = hashlib.md5(f"{ts}&{secret}&{key}".encode(), usedforsecurity=False).hexdigest()
    return {"X-STARDUST-KEY": key, "X-TS": ts, "X-SIGN": digest}


@dataclass
class Rosetta:
    """A sandbox on a clock moved by hand, with a client in front of it."""

    sandbox: RosettaSandbox
    clock: SandboxClock
    http: httpx.AsyncClient

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self.envelope(await self.http.get(BASE_URL + path, params=query or None, headers=self.headers()))

    async def post(self, path: str, body: object) -> dict[str, Any]:
        return self.envelope(await self.http.post(BASE_URL + path, json=body, headers=self.headers()))

    async def get_task(self, campaign: str, request: str, scene: str) -> dict[str, Any]:
        triple = {"campaignId": campaign, "annotationRequestId": request, "sceneId": scene}
        return await self.post("/task/get", triple)

    def headers(self) -> dict[str, str]:
        return signed(str(int(self.clock.now().timestamp() * 1000)))

    @staticmethod
    def envelope(response: httpx.Response) -> dict[str, Any]:
        envelope: dict[str, Any] = response.json()
        return envelope


def rosetta(options: RosettaOptions | None = None) -> Rosetta:
    """An empty Rosetta at a known time."""
    clock = SandboxClock.manual(START)
    sandbox = RosettaSandbox(clock, access_key=ACCESS_KEY, secret_key=SECRET_KEY, options=options or RosettaOptions())
    return Rosetta(sandbox, clock, httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app)))


def small_rosetta(options: RosettaOptions | None = None, *, scenes: int = 5) -> Rosetta:
    """A Rosetta with campaign `c`, annotation request `r` and scenes `s0` upwards, all just created."""
    arranged = rosetta(options)
    arranged.sandbox.store.add_campaign("c", "Campaign C", folder_name="F")
    arranged.sandbox.store.add_annotation_request("r", "c", [f"s{number}" for number in range(scenes)])
    return arranged
