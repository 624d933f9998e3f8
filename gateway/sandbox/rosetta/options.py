"""Where Rosetta's documentation is silent or contradicts itself, a switch says how the emulator behaves."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class RosettaOptions:
    """One reading of the API. The defaults are the likeliest reading; each switch selects another one."""

    signature_window_s: float = 300.0
    """A signature this much older or newer than the wall time is refused with 403; undocumented."""

    errors_as_http_500: bool = False
    """Business errors travel with HTTP 500 and the envelope as body, as older pages suggest; else HTTP 200."""

    over_limit: Literal["clamp", "reject"] = "clamp"
    """A page size above the ceiling (100 for tasks, 1000 for records) is lowered, or refused with 4005."""

    unknown_request: Literal["in_band", "code"] = "in_band"
    """`GET /annotation-request` for an unknown id: success with ID_NOT_EXISTS as documented, or 53003."""

    unknown_schedule: Literal["code", "null", "empty"] = "code"
    """The schedule of an unknown request: 53003, a null `data`, or an empty schedule; undocumented."""

    failed_scene: Literal["status_0", "not_found"] = "status_0"
    """`POST /task/get` for a scene that failed to import: status 0, or 56001."""

    empty_maps: Literal["null", "empty", "absent"] = "null"
    """How a map without entries looks while the request is still importing."""

    schedule_percents: bool = False
    """`successSchedule` and `errorSchedule`: in the vendor's sample, but said not to be sent at present."""

    unjoined_share: float = 0.0
    """Share (0 to 1) of tasks whose id in statistics rows differs from their key in `successTaskMap`."""

    numeric_campaign_ids: bool = False
    """`campaignId` of statistics rows is a number, as in the sample, where the table says string."""

    wrong_generation: bool = False
    """Answers as the older generation of the API does: code 200 for success, 400 for errors."""

    absent_paths: frozenset[str] = frozenset()
    """Paths such as `/task/get` that this customer's installation lacks: plain HTTP 404."""

    import_s: float = 2.0
    """Seconds after which all scenes of a new annotation request have become tasks or errors."""
