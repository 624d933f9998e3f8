"""Where a page ends in each backend's part of the list, and how a cursor says so."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from schema.cursor import decode_cursor, encode_cursor, foreign_cursor
from schema.filter import TaskCriteria

_KIND: Final = "tasks"
_SCENE_BYTES: Final = 8
_MAX_TOKEN: Final = 4096
_MAX_NUMBER: Final = 2**53

# Where a Scale task stands: minus its creation in milliseconds, then its id. Newest first, ties by id.
Key = tuple[int, str]


@dataclass(frozen=True)
class RosettaPlace:
    """Behind `offset` scenes of the annotation request that stands at `request` in the filter.

    `scene` is a digest of the last of them: should scenes come to stand before it, it is still found.
    """

    request: int = 0
    offset: int = 0
    scene: str = ""

    def start(self, scene_ids: tuple[str, ...]) -> int:
        """The index in `scene_ids` at which to go on."""
        if self.offset == 0:
            return 0
        if self.offset <= len(scene_ids) and digest(scene_ids[self.offset - 1]) == self.scene:
            return self.offset
        moved = (index for index, scene_id in enumerate(scene_ids) if digest(scene_id) == self.scene)
        return next((index + 1 for index in moved), min(self.offset, len(scene_ids)))


@dataclass(frozen=True)
class ScalePlace:
    """Behind the task that stands `at` this key; None: at the start.

    `token` is Scale's own cursor, where a page of Scale's ended exactly here; `scans` says that it is one of the list
    that is filtered on our side.
    """

    at: Key | None = None
    token: str | None = None
    scans: bool = False


@dataclass(frozen=True)
class Position:
    """A place in each part."""

    rosetta: RosettaPlace = RosettaPlace()
    scale: ScalePlace = ScalePlace()


def digest(scene_id: str) -> str:
    """A short text for a scene id, which may be long."""
    return blake2b(scene_id.encode("utf-8", "surrogatepass"), digest_size=_SCENE_BYTES).hexdigest()


def to_cursor(criteria: TaskCriteria, position: Position) -> str:
    """The cursor of this position in the list of `criteria`."""
    rosetta, scale = position.rosetta, position.scale
    parts = [[rosetta.request, rosetta.offset, rosetta.scene], [scale.at, scale.token, scale.scans]]
    return encode_cursor(_KIND, criteria.fingerprint, parts)


def to_position(criteria: TaskCriteria, cursor: str | None) -> Position:
    """The position of a cursor, the start for None. Raises GatewayError BAD_USER_INPUT for a cursor of another list."""
    if cursor is None:
        return Position()
    match decode_cursor(_KIND, criteria.fingerprint, cursor):
        case [[int(request), int(offset), str(scene)], [at, str() | None as token, bool(scans)]] if (
            0 <= request <= _MAX_NUMBER and 0 <= offset <= _MAX_NUMBER and len(token or "") <= _MAX_TOKEN
        ):
            return Position(RosettaPlace(request, offset, scene), ScalePlace(_key(at), token, scans))
    raise foreign_cursor("holds no position")


def _key(at: object) -> Key | None:
    match at:
        case None:
            return None
        case [int(moment), str(task_id)] if abs(moment) <= _MAX_NUMBER:
            return moment, task_id
    raise foreign_cursor("holds no position")
