"""Business codes and their classes."""

import pytest

from gateway.backends.rosetta.codes import CODES, ERROR_CODES, Kind, meaning_of
from schema.errors import ErrorCode

ANYWHERE = "GET /statistics"


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (Kind.OK, [2000]),
        (Kind.NOT_FOUND, [404, 5308, 5802, 5840, 5845, 51006, 51008, 51009, 53003, 53007, 54004, 54006, 54007]),
        (Kind.NOT_FOUND, [55002, 55005, 56001, 57008]),
        (Kind.INVALID, [400, 4005, 50522, 50523, 50525, 50526, 50527, 50528, 50530, 50531, 51000, 51002, 51007]),
        (Kind.INVALID, [52002, 52003, 53006, 54008, 54010, 54011, 54013, 55003, 55004, 57015]),
        (Kind.INVALID, [57001, 57002, 57004, 57005, 57006, 57012]),
        (Kind.INVALID, [5509, 5523, 5707, 5708, 5709, 5710, 5838, 5839, 5841, 5843, 5844]),
        (Kind.CONFLICT, [5606, 5801, 5836, 50524, 50529, 51001, 51003, 51004, 53001, 53004, 53005, 54001, 54002]),
        (Kind.CONFLICT, [54003, 57003]),
        (Kind.AUTH, [401, 402, 403, 5837]),
        (Kind.RETRYABLE, [500, 5000]),
        (Kind.FAILED, [51005, 52001, 53002, 54005, 54009, 55001, 54012, 57007, 99999, -1]),
    ],
)
def test_each_code_has_its_class(kind: Kind, codes: list[int]) -> None:
    """Every documented code is of its class, and unlisted numbers are failures."""
    assert {code: meaning_of(code, ANYWHERE).kind for code in codes} == dict.fromkeys(codes, kind)


@pytest.mark.parametrize(
    ("endpoint", "code", "kind"),
    [
        ("POST /campaign/create", 50524, Kind.NOT_FOUND),
        ("POST /workflow/template", 50524, Kind.CONFLICT),
        ("GET /statistics/effciency", 54001, Kind.NOT_FOUND),
        ("GET /statistics/effciency", 54002, Kind.INVALID),
        ("POST /folder/create", 54001, Kind.CONFLICT),
        ("POST /folder/create", 54002, Kind.CONFLICT),
    ],
)
def test_codes_used_twice_are_read_by_endpoint(endpoint: str, code: int, kind: Kind) -> None:
    """A number that the vendor gave two meanings has the one of the endpoint that answered it."""
    assert meaning_of(code, endpoint).kind is kind


def test_every_failing_class_is_a_failure_of_ours() -> None:
    """Each class but success has a code of the gateway, and every listed code has words of ours."""
    assert set(ERROR_CODES) == set(Kind) - {Kind.OK}
    assert ERROR_CODES[Kind.AUTH] is ErrorCode.BACKEND_REFUSED
    assert all(meaning.text for meaning in CODES.values())
