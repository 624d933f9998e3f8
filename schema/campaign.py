"""Campaign: what annotation requests of Rosetta belong to."""

from dataclasses import dataclass

import strawberry

from schema.context import Info
from schema.node import Node, encode_id
from schema.references import customer_text

KIND = "Campaign"
_MAX_NAME_BYTES = 255


@dataclass(frozen=True)
class Frames:
    """How many frames of a campaign were annotated by people, and how many by algorithms."""

    manual: int | None
    automatic: int | None


@strawberry.type(
    description="A campaign of Rosetta: what annotation requests are made in. Rosetta finds campaigns by "
    "name, not by id."
)
class Campaign(Node):
    id: strawberry.ID = strawberry.field(description="Opaque and stable, derived from the name; accepted by `node`.")
    campaign_id: strawberry.ID = strawberry.field(
        description="Chosen by you; with annotation request and scene it names a task."
    )
    name: str = strawberry.field(description="The campaign's name, chosen by you; what it is looked up by.")
    type: str | None = strawberry.field(default=None, description="Rosetta's own word: POC or Formal.")
    workflow_type: str | None = strawberry.field(default=None, description="The name of its workflow's template.")
    taxonomy_version_name: str | None = strawberry.field(
        default=None, description="Which version of its taxonomy it is annotated by."
    )
    folder_name: str | None = strawberry.field(default=None, description="The folder it lies in.")

    @strawberry.field(description="How many frames people annotated; read only when selected.")
    async def manual_annotation_frames(self, info: Info) -> int | None:
        frames = await info.context.campaigns.frames(self.campaign_id)
        return None if frames is None else frames.manual

    @strawberry.field(description="How many frames algorithms annotated; read only when selected.")
    async def auto_annotation_frames(self, info: Info) -> int | None:
        frames = await info.context.campaigns.frames(self.campaign_id)
        return None if frames is None else frames.automatic


def campaign_global_id(name: str) -> strawberry.ID:
    """The opaque id of a campaign. Of its name: Rosetta finds campaigns by name, not by id."""
    return encode_id(KIND, name)


def campaign_name(value: str, *path: str) -> str:
    """The name itself. Raises GatewayError BAD_USER_INPUT for one that cannot be."""
    return customer_text(value, _MAX_NAME_BYTES, *path)
