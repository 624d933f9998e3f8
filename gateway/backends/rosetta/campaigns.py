"""Campaigns as Rosetta tells them."""

from dataclasses import dataclass

from gateway.backends.rosetta.fields import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign. The words of `type` and `workflow_type` are the backend's own."""

    campaign_id: str
    name: str
    type: str | None
    workflow_type: str | None
    taxonomy_version_name: str | None
    folder_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """How many frames of a campaign were annotated by people, and how many by algorithms."""

    manual: int | None
    automatic: int | None


def parse_campaign(fields: Fields) -> Campaign | None:
    """The campaign, None for a record without id or name."""
    campaign_id, name = fields.label("campaignId"), fields.label("campaignName")
    if campaign_id is None or name is None:
        return None
    return Campaign(
        campaign_id=campaign_id,
        name=name,
        type=fields.text("campaignType"),
        workflow_type=fields.text("workflowType"),
        taxonomy_version_name=fields.text("taxonomyVersionName"),
        folder_name=fields.text("folderName"),
    )


def parse_frames(fields: Fields) -> Frames:
    """The counts; one that does not fit is None."""
    return Frames(manual=fields.integer("manualAnnotationFrames"), automatic=fields.integer("autoAnnotationFrames"))
