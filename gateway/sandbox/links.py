"""Which Rosetta scenes have a counterpart task at Scale: what the two seeds agree on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SceneLink:
    """One Rosetta scene for which the Scale seed makes a linked task."""

    campaign_id: str
    annotation_request_id: str
    scene_id: str
