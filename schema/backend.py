"""The two labelling vendors behind the gateway."""

from enum import Enum

import strawberry


@strawberry.enum(description="The labelling vendor that a task lives in.")
class Backend(Enum):
    ROSETTA = strawberry.enum_value(
        "ROSETTA",
        description="Rosetta by Stardust AI. A task is a scene of an annotation request of a campaign. "
        "It can be read, not changed.",
    )
    SCALE = strawberry.enum_value(
        "SCALE",
        description="Scale AI, API version 1. A task has a task id, and may have a unique id of yours.",
    )
