"""What Scale refuses in a body. Each rule raises RefusedError with the status and text of the refusal."""

from typing import Any

from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.store import Record, ScaleStore
from gateway.sandbox.scale.vocabulary import PRIORITIES, SCENE_FORMATS
from gateway.sandbox.scale.wire import RefusedError, encode

_TEXTS = ("project", "batch", "instruction", "callback_url", "task_blueprint_id")


def check_metadata(metadata: object, most_bytes: int) -> None:
    if not isinstance(metadata, dict):
        raise RefusedError(400, "metadata must be an object.")
    if len(encode(metadata)) > most_bytes:
        raise RefusedError(400, "metadata must not be larger than 10 KB.")


def check_tags(tags: Any) -> list[str]:
    """The tags, when they are an array of non-empty strings."""
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag for tag in tags):
        raise RefusedError(400, "Tags must be an array of non-empty strings.")
    return tags


def check_unique_id(store: ScaleStore, unique_id: object, task_id: str | None = None) -> None:
    """409 names the task that has it: a unique id is unique over the account, across projects and types."""
    if not isinstance(unique_id, str) or not unique_id:
        raise RefusedError(400, "unique_id must be a non-empty string.")
    holder = store.holder_of(unique_id)
    if holder is not None and holder != task_id:
        raise RefusedError(409, f'The unique_id ("{unique_id}") is already used for a different task ({holder}).')


def check_creation(task_type: str, body: Record, store: ScaleStore, options: ScaleOptions) -> None:
    """The rules of creation, the conflict of unique ids last."""
    _check_fields(body, options)
    if task_type == "multistage":
        _check_multistage(body)
    _check_places(body, store)
    if "unique_id" in body:
        check_unique_id(store, body["unique_id"])


def _check_fields(body: Record, options: ScaleOptions) -> None:
    for name in _TEXTS:
        if name in body and not (isinstance(body[name], str) and body[name]):
            raise RefusedError(400, f"{name} must be a non-empty string.")
    if "metadata" in body:
        check_metadata(body["metadata"], options.max_metadata_bytes)
    if "tags" in body and len(set(check_tags(body["tags"]))) > options.max_tags:
        raise RefusedError(400, f"A task can have at most {options.max_tags} tags.")
    if "priority" in body and not (_is_integer(body["priority"]) and body["priority"] in PRIORITIES):
        raise RefusedError(400, "priority must be 10, 20 or 30.")
    if "project_version" in body and not _is_integer(body["project_version"]):
        raise RefusedError(400, "project_version must be an integer.")
    if not isinstance(body.get("clear_unique_id_on_error", False), bool):
        raise RefusedError(400, "clear_unique_id_on_error must be a boolean.")


def _check_multistage(body: Record) -> None:
    if "project" not in body and "batch" not in body:
        raise RefusedError(400, "project is required.")
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        raise RefusedError(400, "attachments must be an array of URLs.")
    if not all(isinstance(url, str) and url for url in attachments):
        raise RefusedError(400, "attachments must be an array of URLs.")
    if body.get("scene_format") not in SCENE_FORMATS:
        raise RefusedError(400, f"scene_format must be one of {', '.join(sorted(SCENE_FORMATS))}.")


def _check_places(body: Record, store: ScaleStore) -> None:
    project, batch = body.get("project"), body.get("batch")
    if project is not None and project not in store.projects:
        raise RefusedError(400, "project does not exist.")
    if batch is not None:
        if batch not in store.batches:
            raise RefusedError(400, "batch does not exist.")
        if project not in (None, store.batches[batch]["project"]):
            raise RefusedError(400, "batch belongs to another project.")
    elif project in store.rapid_projects:
        raise RefusedError(400, "batch is required for this project.")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
