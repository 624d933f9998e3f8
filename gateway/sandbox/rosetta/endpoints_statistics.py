"""Statistics: the present state of tasks, their history, and frame counts."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from gateway.sandbox.rosetta.call import Call, Refused, limited_text
from gateway.sandbox.rosetta.envelope import wire_time
from gateway.sandbox.rosetta.options import RosettaOptions
from gateway.sandbox.rosetta.records import AnnotationRequest, Campaign, HistoryRecord, SceneTask
from gateway.sandbox.rosetta.store import TASK_ID_STEP, RosettaStore
from gateway.sandbox.rosetta.vocabulary import POOL_NAMES, Code

DEFAULT_LIMIT = 10
TASK_LIMIT = 100
RECORD_LIMIT = 1000
FIRST_FOLDER_NUMBER = 88000
OTHER_ID_OFFSET = 100_000_000_000_000_000
"""Added to a task's id in rows that shall not join; the sum still has 18 digits."""

Item = TypeVar("Item")


def list_tasks(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /statistics: one row per task, without scene id or annotation request id; at most 100 a page."""
    requests = _requests_asked_for(store, call)
    items = [(_campaign_of(store, request), task) for request in requests for task in request.tasks.values()]
    return _page(items, lambda item: _task_row(*item, options), TASK_LIMIT, options, call)


def list_records(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /statistics/record: every action on every task, oldest first; at most 1000 a page."""
    requests = _requests_asked_for(store, call)
    items = [
        (_campaign_of(store, request), task, record)
        for request in requests
        for task in request.tasks.values()
        for record in task.history
    ]
    items.sort(key=lambda item: (item[2].at, item[2].record_id))
    return _page(items, lambda item: _record_row(*item, options), RECORD_LIMIT, options, call)


def count_frames(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /statistics/frames: frames labelled by people and by the prelabelling of a campaign."""
    campaign = store.campaign(call.query_text("campaignId"))
    if campaign is None:
        raise Refused(Code.CAMPAIGN_NOT_FOUND)
    tasks = [task for request in store.annotation_requests(campaign.campaign_id) for task in request.tasks.values()]
    prelabelled = campaign.workflow_type.startswith("Prelabeling")
    return {
        "manualAnnotationFrames": sum(task.frame_count for task in tasks if task.instance_info),
        "autoAnnotationFrames": sum(task.frame_count for task in tasks) if prelabelled else 0,
    }


def row_task_id(task: SceneTask, options: RosettaOptions) -> int:
    """A task's id in statistics rows: its own, or for the unjoined share another one."""
    spread = task.task_id // TASK_ID_STEP * 37 % 100
    return task.task_id + OTHER_ID_OFFSET if spread < options.unjoined_share * 100 else task.task_id


def _requests_asked_for(store: RosettaStore, call: Call) -> list[AnnotationRequest]:
    """The annotation requests of the array parameter: repeated keys, keys with brackets, or commas.

    One unknown id refuses the whole call with 53003. A value that is itself an id is not split.
    """
    ids: list[str] = []
    for value in call.query_values("annotationRequestId"):
        ids += [value] if store.annotation_request(value) else value.split(",")
    if not ids:
        raise Refused(Code.INVALID_PARAMETER)
    requests = [store.annotation_request(limited_text(request_id)) for request_id in dict.fromkeys(ids)]
    known = [request for request in requests if request is not None]
    if len(known) < len(requests):
        raise Refused(Code.REQUEST_NOT_FOUND)
    return known


def _campaign_of(store: RosettaStore, request: AnnotationRequest) -> Campaign:
    campaign = store.campaign(request.campaign_id)
    assert campaign is not None
    return campaign


def _page(
    items: Sequence[Item],
    row: Callable[[Item], dict[str, object]],
    ceiling: int,
    options: RosettaOptions,
    call: Call,
) -> dict[str, object]:
    """The page whose number is `offset`, counted from 1; past the end it is empty and the count still true."""
    page_number = call.query_number("offset", 1)
    limit = call.query_number("limit", DEFAULT_LIMIT)
    if limit > ceiling and options.over_limit == "reject":
        raise Refused(Code.INVALID_PARAMETER)
    limit = min(limit, ceiling)
    start = (page_number - 1) * limit
    return {"count": len(items), "data": [row(item) for item in items[start : start + limit]]}


def _wire_campaign_id(campaign: Campaign, options: RosettaOptions) -> str | int:
    if not options.numeric_campaign_ids:
        return campaign.campaign_id
    numeric = campaign.campaign_id.isascii() and campaign.campaign_id.isdecimal()
    return int(campaign.campaign_id) if numeric and len(campaign.campaign_id) < 19 else campaign.number


def _task_row(campaign: Campaign, task: SceneTask, options: RosettaOptions) -> dict[str, object]:
    return {
        "id": row_task_id(task, options),
        "status": int(task.status),
        "campaignId": _wire_campaign_id(campaign, options),
        "poolName": POOL_NAMES[task.pool],
        "poolType": int(task.pool),
        "instanceInfo": task.instance_info,
        "instanceNum": sum((task.instance_info or {}).values()),
        "attributeNum": task.attribute_count,
        "frameNum": task.frame_count,
    }


def _record_row(
    campaign: Campaign, task: SceneTask, record: HistoryRecord, options: RosettaOptions
) -> dict[str, object]:
    modified = sum(record.instance_info.values())
    return {
        "id": record.record_id,
        "taskId": row_task_id(task, options),
        "status": int(record.status),
        "campaignId": _wire_campaign_id(campaign, options),
        "poolName": POOL_NAMES[record.pool],
        "poolType": int(record.pool),
        "folderId": FIRST_FOLDER_NUMBER + campaign.number,
        "aliceName": record.worker,
        "createdTime": wire_time(record.at),
        "actionType": int(record.action),
        "instanceInfo": dict(record.instance_info),
        "modifyInstanceNum": modified,
        "modifyAttributesNum": record.attribute_sum if modified else 0,
        "instanceSum": record.instance_sum,
        "attributesSum": record.attribute_sum,
    }
