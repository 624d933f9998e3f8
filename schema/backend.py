"""The two labelling vendors behind the gateway."""

from enum import Enum

import strawberry


@strawberry.enum(
    description="The labelling vendor that a task lives in. Each fails by itself: what one cannot answer "
    "costs nothing of the other."
)
class Backend(Enum):
    ROSETTA = strawberry.enum_value(
        "ROSETTA",
        description="Rosetta by Stardust AI. A task is a scene of an annotation request of a campaign, and named "
        "by the three ids. It can be read, not changed; it tells where in its pools the work is, and "
        "its times come from its history. Start with `annotationRequest`: Rosetta has no list of all "
        "its tasks.",
    )
    SCALE = strawberry.enum_value(
        "SCALE",
        description="Scale AI, API version 1. A task has a task id, and may have a unique id of yours. It can be "
        "read, listed and changed; its status does not tell how far unfinished work is. Start with "
        "`tasks`.",
    )
