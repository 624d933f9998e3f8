"""Campaigns: create, read by name, list by folder; and the system's status."""

from gateway.sandbox.rosetta.call import Call, Refused, limited_text
from gateway.sandbox.rosetta.options import RosettaOptions
from gateway.sandbox.rosetta.records import Campaign
from gateway.sandbox.rosetta.store import RosettaStore
from gateway.sandbox.rosetta.vocabulary import CAMPAIGN_TYPES, Code

FIELDS = (
    "campaignId",
    "campaignName",
    "workflowType",
    "taxonomyVersionName",
    "folderName",
    "campaignType",
)


def create_campaign(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """POST /campaign/create. An empty or missing field is 51000; the same id and name again 51001."""
    fields = _campaign_fields(call.json_object())
    if fields["campaignType"] not in CAMPAIGN_TYPES:
        raise Refused(Code.CAMPAIGN_TYPE_UNKNOWN)
    if fields["workflowType"] not in store.workflow_templates:
        raise Refused(Code.TEMPLATE_NOT_FOUND)
    _refuse_duplicate(store, fields["campaignId"], fields["campaignName"])
    store.add_campaign(
        fields["campaignId"],
        fields["campaignName"],
        workflow_type=fields["workflowType"],
        taxonomy_version_name=fields["taxonomyVersionName"],
        folder_name=fields["folderName"],
        campaign_type=fields["campaignType"],
    )
    return None


def _campaign_fields(body: dict[str, object]) -> dict[str, str]:
    if any(body.get(name) in (None, "") for name in FIELDS):
        raise Refused(Code.FIELD_EMPTY)
    if not isinstance(body["workflowType"], str):
        raise Refused(Code.WORKFLOW_TYPE_ERROR)
    return {name: limited_text(body[name]) for name in FIELDS}


def _refuse_duplicate(store: RosettaStore, campaign_id: str, campaign_name: str) -> None:
    same_id = store.campaign(campaign_id)
    if same_id is not None:
        repeated = same_id.campaign_name == campaign_name
        raise Refused(Code.CAMPAIGN_REPEATED if repeated else Code.CAMPAIGN_ID_EXISTS)
    if store.campaign_named(campaign_name) is not None:
        raise Refused(Code.CAMPAIGN_NAME_EXISTS)


def get_campaign(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /campaign/{campaignName}: by name, which is one percent-encoded path segment, not by id."""
    campaign = store.campaign_named(limited_text(call.last_segment()))
    if campaign is None:
        raise Refused(Code.CAMPAIGN_NAME_NOT_FOUND)
    return _campaign_data(campaign)


def list_campaigns(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /campaign/queryByFolderName. An unknown folder is 54007."""
    folder_name = call.query_text("folderName")
    if folder_name not in store.folder_names:
        raise Refused(Code.FOLDER_NOT_FOUND)
    return [_campaign_data(campaign) for campaign in store.campaigns_in(folder_name)]


def get_system_status(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /system/getStatus: free text."""
    return ["All systems are operational"]


def _campaign_data(campaign: Campaign) -> dict[str, object]:
    return {
        "campaignId": campaign.campaign_id,
        "campaignName": campaign.campaign_name,
        "workflowType": campaign.workflow_type,
        "taxonomyVersionName": campaign.taxonomy_version_name,
        "folderName": campaign.folder_name,
        "campaignType": campaign.campaign_type,
    }
