"""The envelope around every answer: code, message, data, date, requestId, success."""

import random
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import orjson
from starlette.responses import Response

from gateway.sandbox.rosetta.options import RosettaOptions
from gateway.sandbox.rosetta.vocabulary import MESSAGES, Code

WIRE_ZONE: Final = ZoneInfo("Asia/Shanghai")
"""Rosetta's times carry no zone; the samples whose request ids hold an epoch fit UTC+8 only."""

OLD_SUCCESS: Final = 200
OLD_ERROR: Final = 400
SIGNATURE_CODES: Final = (Code.WRONG_SIGNATURE, Code.UNKNOWN_KEY, Code.SIGNATURE_EXPIRED)


def wire_time(moment: datetime) -> str:
    """A moment as Rosetta writes it: wall clock of its zone, whole seconds, no zone."""
    return moment.astimezone(WIRE_ZONE).strftime("%Y-%m-%d %H:%M:%S")


class Envelopes:
    """Wraps data or a code; request ids are 32 hex digits, repeatable from run to run."""

    def __init__(self, *, seed: int = 20250313) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - request ids are no secrets

    def respond(self, code: int, data: object, *, now: datetime, options: RosettaOptions) -> Response:
        """The HTTP answer. HTTP 200 whatever the code, unless business errors are to travel with 500."""
        success = code == Code.SUCCESS
        body = {
            "code": _wire_code(code, options),
            "message": MESSAGES.get(code, "Error"),
            "data": data,
            "date": wire_time(now),
            "requestId": f"{self._chance.getrandbits(128):032x}",
            "success": success,
        }
        http_status = 500 if options.errors_as_http_500 and not success else 200
        return Response(orjson.dumps(body), http_status, media_type="application/json")


def _wire_code(code: int, options: RosettaOptions) -> int:
    """The older generation knows the codes of refused signatures (401 to 403), and for the rest 200 and 400."""
    if not options.wrong_generation or code in SIGNATURE_CODES:
        return int(code)
    return OLD_SUCCESS if code == Code.SUCCESS else OLD_ERROR
