"""Rosetta's business codes: what each means in our words, and which failure of ours it is.

kind           what a caller sees
OK             the data
NOT_FOUND      None from a read
INVALID        BAD_USER_INPUT, naming the backend
CONFLICT       CONFLICT
AUTH           BACKEND_REFUSED
RETRYABLE      BACKEND_UNAVAILABLE
FAILED         BACKEND_BAD_RESPONSE, as does every number that is not listed

Source: the vendor's table of response codes, the pages of single endpoints where they add to it, and for three digits
the table of the older generation, as the newer one lists no code for refused credentials.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from schema.errors import ErrorCode

SUCCESS = 2000
OLD_SUCCESS = 200
STALE_SIGNATURE = 403
SCENE_NOT_FOUND = 56001


class Kind(Enum):
    """How a business code is acted on."""

    OK = "ok"
    NOT_FOUND = "not found"
    INVALID = "invalid"
    CONFLICT = "conflict"
    AUTH = "auth"
    RETRYABLE = "retryable"
    FAILED = "failed"


class Meaning(NamedTuple):
    """A code's kind, and its meaning in our words: the vendor's own message is never shown."""

    kind: Kind
    text: str


ERROR_CODES: Mapping[Kind, ErrorCode] = MappingProxyType(
    {
        Kind.NOT_FOUND: ErrorCode.NOT_FOUND,
        Kind.INVALID: ErrorCode.BAD_USER_INPUT,
        Kind.CONFLICT: ErrorCode.CONFLICT,
        Kind.AUTH: ErrorCode.BACKEND_REFUSED,
        Kind.RETRYABLE: ErrorCode.BACKEND_UNAVAILABLE,
        Kind.FAILED: ErrorCode.BACKEND_BAD_RESPONSE,
    }
)

_UNDOCUMENTED = Meaning(Kind.FAILED, "answered a code without a documented meaning")

_TEXTS: Mapping[Kind, Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        Kind.OK: {"success": (SUCCESS,)},
        Kind.NOT_FOUND: {
            "knows no such thing": (404,),
            "knows no such campaign": (51006, 51008, 51009),
            "knows no such annotation request": (53003,),
            "knows no such folder": (53007, 54004, 54006, 54007),
            "knows no such workflow or pool": (55002, 55005),
            "knows no such scene": (SCENE_NOT_FOUND,),
            "knows no such sampling package": (57008,),
            "knows no such data set, project, manager or workflow": (5308, 5802, 5840, 5845),
        },
        Kind.INVALID: {
            "finds a parameter invalid": (400, 4005),
            "finds a workflow graph invalid": (50522, 50523, 50525, 50526, 50527, 50528, 50530, 50531),
            "misses a required field": (51000,),
            "knows no such annotation type or campaign type": (51002,),
            "finds the workflow type wrong": (51007,),
            "finds a pool of the workflow empty": (52002,),
            "finds operator keys outside the campaign's taxonomy": (52003,),
            "knows no such relation of folders": (53006,),
            "knows no such folder status": (54008,),
            "cannot use a bucket name": (54010, 54011, 54013),
            "finds a pool of the wrong kind": (55003, 55004),
            "finds a taxonomy invalid": (57001, 57002, 57004, 57005, 57006, 57012),
            "needs exactly one of ratio and quantity": (57015,),
            "finds a workflow, file, operator or algorithm invalid": (
                *(5509, 5523, 5707, 5708, 5709, 5710, 5838, 5839, 5841, 5843, 5844),
            ),
        },
        Kind.CONFLICT: {
            "has no task left to assign in the pool": (5606,),
            "has a workflow template of this name": (50524, 50529),
            "has this campaign already": (51001, 51003, 51004),
            "has this annotation request already": (53001, 53004, 53005),
            "has this folder already": (54001, 54002, 54003),
            "has a taxonomy version of this name": (57003,),
            "has a project or folder of this name": (5801, 5836),
        },
        Kind.AUTH: {
            "refuses the gateway's signature": (401,),
            "refuses the gateway's access key": (402,),
            "finds the gateway's signature too old": (STALE_SIGNATURE,),
            "grants the gateway no right to this": (5837,),
        },
        Kind.RETRYABLE: {"asks to try again later": (500, 5000)},
        Kind.FAILED: {"tried and failed": (51005, 52001, 53002, 54005, 54009, 55001)},
    }
)

CODES: Mapping[int, Meaning] = MappingProxyType(
    {
        code: Meaning(kind, text)
        for kind, meanings in _TEXTS.items()
        for text, numbers in meanings.items()
        for code in numbers
    }
)

# Numbers that the vendor uses twice, by the endpoint on which they mean something else. The path is spelt as theirs.
_ON_ENDPOINT: Mapping[tuple[str, int], Meaning] = MappingProxyType(
    {
        ("POST /campaign/create", 50524): Meaning(Kind.NOT_FOUND, "knows no such workflow template"),
        ("GET /statistics/effciency", 54001): Meaning(Kind.NOT_FOUND, "knows no such worker"),
        ("GET /statistics/effciency", 54002): Meaning(Kind.INVALID, "finds the date invalid"),
    }
)


def meaning_of(code: int, endpoint: str) -> Meaning:
    """What `code` means when `endpoint` ("GET /statistics") answers it."""
    return _ON_ENDPOINT.get((endpoint, code)) or CODES.get(code, _UNDOCUMENTED)
