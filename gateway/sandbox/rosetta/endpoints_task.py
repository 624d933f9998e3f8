"""Get Task, and the four calls around an annotation request."""

from gateway.sandbox.rosetta.call import Call, Refused, filled_text, limited_text, text_list, text_map
from gateway.sandbox.rosetta.options import RosettaOptions
from gateway.sandbox.rosetta.records import AnnotationRequest, Campaign, SceneTask
from gateway.sandbox.rosetta.store import RosettaStore
from gateway.sandbox.rosetta.vocabulary import Code, ImportState, Pool, Status

VIEW_URL_DOMAIN = "rosetta.example"
COMPLETED = "Completed"
IN_PROGRESS = "In Progress"


def get_task(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """POST /task/get: status and view URL of one scene's task, and nothing else.

    Checked in this order: campaign 51008, annotation request 53003 (also one of another campaign), scene 56001
    (also one that is still importing).
    """
    body = call.json_object()
    campaign_id = limited_text(body.get("campaignId"))
    request_id = limited_text(body.get("annotationRequestId"))
    scene_id = filled_text(body.get("sceneId"))
    campaign = store.campaign(campaign_id)
    if campaign is None:
        raise Refused(Code.CAMPAIGN_NOT_FOUND)
    request = store.annotation_request(request_id)
    if request is None or request.campaign_id != campaign_id:
        raise Refused(Code.REQUEST_NOT_FOUND)
    task = request.tasks.get(scene_id)
    if task is not None:
        return {"viewUrl": view_url(campaign, task), "status": task.status}
    if scene_id in request.errors and options.failed_scene == "status_0":
        return {"viewUrl": None, "status": int(Status.CREATION_FAILED)}
    raise Refused(Code.SCENE_NOT_FOUND)


def view_url(campaign: Campaign, task: SceneTask) -> str:
    """A URL shaped as in the vendor's sample: one slash after the scheme, and a number of 21 digits."""
    if task.view_url is not None:
        return task.view_url
    return f"https:/{VIEW_URL_DOMAIN}/rosetta-open/task/{campaign.number}/{task.task_id}904/viewOnly"


def create_annotation_request(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """POST /annotation-request: accepts the scenes, which become tasks later.

    The same id and name while the first is still importing is a repeated submission (53001); after that the
    id (53004) or the name (53005) exists.
    """
    body = call.json_object()
    request_id = limited_text(body.get("annotationRequestId"))
    name = limited_text(body.get("annotationRequestName"))
    campaign_id = limited_text(body.get("campaignId"))
    scenes = text_map(body.get("sceneIdMap"))
    operator_keys = text_list(body.get("operatorKeys"))
    campaign = store.campaign(campaign_id)
    if campaign is None:
        raise Refused(Code.CAMPAIGN_NOT_FOUND)
    _refuse_duplicate(store, request_id, name)
    if not campaign.operator_keys.issuperset(operator_keys):
        raise Refused(Code.OPERATOR_KEYS_UNKNOWN)
    store.add_annotation_request(
        request_id,
        campaign_id,
        scenes,
        name=name,
        operator_keys=operator_keys or None,
        import_s=options.import_s,
    )
    return None


def _refuse_duplicate(store: RosettaStore, request_id: str, name: str) -> None:
    same_id = store.annotation_request(request_id)
    if same_id is not None:
        repeated = same_id.name == name and same_id.import_state is ImportState.PROCESSING
        raise Refused(Code.REQUEST_REPEATED if repeated else Code.REQUEST_ID_EXISTS)
    if store.annotation_request_named(name) is not None:
        raise Refused(Code.REQUEST_NAME_EXISTS)


def get_annotation_request(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /annotation-request: what became of each scene. An unknown id is a success that says so."""
    request = store.annotation_request(call.query_text("annotationRequestId"))
    if request is None:
        return _unknown_request(options)
    data: dict[str, object] = {"status": request.import_state.value}
    task_map = {str(task.task_id): task.scene_id for task in request.tasks.values()}
    _put_map(data, "successTaskMap", task_map, request, options)
    _put_map(data, "errorSceneIdMap", dict(request.errors), request, options)
    if options.schedule_percents:
        data["successSchedule"] = _percent(len(request.tasks), len(request.sources))
        data["errorSchedule"] = _percent(len(request.errors), len(request.sources))
    data["annotationRequestInfo"] = {
        "annotationRequestId": request.annotation_request_id,
        "annotationRequestName": request.name,
        "campaignId": request.campaign_id,
        "sceneIdMap": request.sources,
        "operatorKeys": None if request.operator_keys is None else list(request.operator_keys),
    }
    return data


def _unknown_request(options: RosettaOptions) -> object:
    if options.unknown_request == "code":
        raise Refused(Code.REQUEST_NOT_FOUND)
    return {
        "status": ImportState.ID_NOT_EXISTS.value,
        "successTaskMap": None,
        "errorSceneIdMap": None,
        "annotationRequestInfo": None,
    }


def _put_map(
    data: dict[str, object],
    name: str,
    entries: dict[str, str],
    request: AnnotationRequest,
    options: RosettaOptions,
) -> None:
    """Adds a map; while the import runs, one without entries may be null or absent."""
    if entries or request.import_state is not ImportState.PROCESSING or options.empty_maps == "empty":
        data[name] = entries
    elif options.empty_maps == "null":
        data[name] = None


def get_schedule(store: RosettaStore, options: RosettaOptions, call: Call) -> object:
    """GET /annotation-request/task/schedule: the share of tasks in the completion pool, and their files."""
    request = store.annotation_request(call.query_text("annotationRequestId"))
    if request is None:
        return _unknown_schedule(options)
    campaign = store.campaign(request.campaign_id)
    assert campaign is not None
    done = [task for task in request.tasks.values() if task.pool is Pool.COMPLETE]
    return {
        "status": COMPLETED if done and len(done) == len(request.tasks) else IN_PROGRESS,
        "completionPoolSchedule": _percent(len(done), len(request.tasks)),
        "completionSceneMap": {task.scene_id: _delivered_file(campaign, task) for task in done},
    }


def _unknown_schedule(options: RosettaOptions) -> object:
    if options.unknown_schedule == "code":
        raise Refused(Code.REQUEST_NOT_FOUND)
    if options.unknown_schedule == "null":
        return None
    return {"status": IN_PROGRESS, "completionPoolSchedule": 0.0, "completionSceneMap": {}}


def _delivered_file(campaign: Campaign, task: SceneTask) -> str:
    """Delivered files keep the campaign's name as it is, spaces included."""
    return f"gs://sandbox-delivery/{campaign.campaign_name}/{task.task_id}.json"


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
