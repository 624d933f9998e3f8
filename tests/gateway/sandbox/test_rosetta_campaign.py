"""Campaigns of the emulated Rosetta."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.gateway.sandbox.rosetta_client import rosetta, small_rosetta

pytestmark = pytest.mark.anyio

BODY = {
    "campaignId": "new",
    "campaignName": "New",
    "workflowType": "Manual Template",
    "taxonomyVersionName": "t1",
    "folderName": "F",
    "campaignType": "Formal",
}


async def test_a_created_campaign_is_read_by_name() -> None:
    """Creation answers null data; reading by name gives back the six fields."""
    backend = rosetta()

    created = await backend.post("/campaign/create", BODY)
    read = await backend.get("/campaign/New")

    assert (created["code"], created["data"]) == (2000, None)
    assert read["data"] == BODY


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"campaignId": "c", "campaignName": "Campaign C"}, 51001),
        ({"campaignId": "c"}, 51003),
        ({"campaignName": "Campaign C"}, 51004),
        ({"campaignType": "Trial"}, 51002),
        ({"workflowType": "Nobody's Template"}, 50524),
        ({"workflowType": 7}, 51007),
        ({"campaignId": ""}, 51000),
        ({"folderName": None}, 51000),
        ({"campaignName": "車" * 86}, 4005),
        ({"campaignId": 5}, 4005),
    ],
)
async def test_a_campaign_that_does_not_fit_is_refused(changes: dict[str, Any], code: int) -> None:
    """Each documented code has its cause."""
    assert (await small_rosetta().post("/campaign/create", BODY | changes))["code"] == code


async def test_a_missing_field_is_51000() -> None:
    """On this endpoint a missing field is 51000, not 4005."""
    assert (await rosetta().post("/campaign/create", {}))["code"] == 51000


async def test_a_stored_template_may_be_named() -> None:
    """A workflow template that exists is a workflow type."""
    backend = rosetta()
    backend.sandbox.store.workflow_templates.add("Two reviews")

    assert (await backend.post("/campaign/create", BODY | {"workflowType": "Two reviews"}))["code"] == 2000


@pytest.mark.parametrize("name", ["Night/Rain 車両", "a b", "100%", "x?y#z", "a+b", "..", "%2F", "{}"])
async def test_a_name_is_one_encoded_path_segment(name: str) -> None:
    """Slashes, spaces and other scripts in a name are percent-encoded and do not divide the path."""
    backend = rosetta()
    backend.sandbox.store.add_campaign("odd", name)

    encoded = quote(name, safe="").replace(".", "%2E")

    assert (await backend.get(f"/campaign/{encoded}"))["data"]["campaignId"] == "odd"


async def test_a_campaign_is_not_read_by_id() -> None:
    """The path takes the name; the id of a campaign is an unknown name."""
    assert (await small_rosetta().get("/campaign/c"))["code"] == 51009


async def test_campaigns_are_listed_by_folder() -> None:
    """The literal path is taken before the name, and several campaigns may share a folder."""
    backend = small_rosetta()
    backend.sandbox.store.add_campaign("d", folder_name="F")
    backend.sandbox.store.add_campaign("e", folder_name="G")
    backend.sandbox.store.add_campaign("trap", "queryByFolderName", folder_name="G")

    listed = await backend.get("/campaign/queryByFolderName", folderName="F")

    assert [campaign["campaignId"] for campaign in listed["data"]] == ["c", "d"]


@pytest.mark.parametrize(("query", "code"), [("?folderName=Nowhere", 54007), ("", 4005)])
async def test_an_unknown_folder_is_refused(query: str, code: int) -> None:
    """An unknown folder is 54007, a missing parameter 4005."""
    assert (await small_rosetta().get(f"/campaign/queryByFolderName{query}"))["code"] == code
