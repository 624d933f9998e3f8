"""Reading tasks: one by its id, many through the filtered, cursor-paged list."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.scale.index import Key, after, sort_key
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.parameters import Parameters
from gateway.sandbox.scale.selection import Selection, Window
from gateway.sandbox.scale.store import Record, ScaleStore, TaskRow
from gateway.sandbox.scale.vocabulary import LIMITED_FIELDS, REVIEW_STATUSES, TASK_STATUSES
from gateway.sandbox.scale.wire import RefusedError, format_time, json_response, parse_time, path_text

_WINDOWS = {
    "created_at": ("start_time", "end_time"),
    "completed_at": ("completed_after", "completed_before"),
    "updated_at": ("updated_after", "updated_before"),
}


def find_task(store: ScaleStore, request: Request) -> TaskRow:
    """The task named in the path. Raises RefusedError 404, for malformed ids as for unknown ones."""
    row = store.find(path_text(request, "task_id"))
    if row is None:
        raise RefusedError(404, "The requested task does not exist.")
    return row


@dataclass(frozen=True)
class TaskReads:
    """GET /task/{task_id} and GET /tasks."""

    store: ScaleStore
    options: ScaleOptions

    async def get(self, request: Request) -> Response:
        return json_response(find_task(self.store, request).record)

    async def list(self, request: Request) -> Response:
        """A page of the selected tasks, created last first; `total` counts all pages."""
        parameters = Parameters(request.query_params)
        selection = self._selection(parameters)
        limit = parameters.number("limit", default=100, least=1, most=100)
        token = parameters.text("next_token")
        limited = parameters.flag("limited_response")
        with_urls = parameters.flag("include_attachment_url")

        keys = self.store.select(selection)
        first = after(keys, None if token is None else read_token(token))
        rows = [self.store.get(task_id) for _, task_id in keys[first : first + limit]]
        has_more = first + limit < len(keys)
        page: dict[str, Any] = {
            "docs": [_shown(row.record, limited=bool(limited), with_urls=bool(with_urls)) for row in rows],
            "total": len(keys),
            "limit": limit,
            "offset": 0,
            "has_more": has_more,
        }
        if has_more:
            page["next_token"] = make_token(rows[-1])
        elif self.options.last_page_cursor == "null":
            page["next_token"] = None
        return json_response(page)

    def _selection(self, parameters: Parameters) -> Selection:
        statuses = TASK_STATUSES if self.options.accept_error_status_filter else TASK_STATUSES - {"error"}
        windows = (
            Window(name, parameters.time(earliest), parameters.time(latest))
            for name, (earliest, latest) in _WINDOWS.items()
        )
        return Selection(
            status=parameters.word("status", statuses),
            type=parameters.text("type"),
            project=parameters.text("project"),
            batch=parameters.text("batch"),
            review_statuses=parameters.words("customer_review_status", REVIEW_STATUSES),
            unique_ids=frozenset(parameters.many("unique_id")) or None,
            tags=frozenset(parameters.many("tags")) or None,
            all_tags=self.options.tag_filter == "all",
            windows=tuple(window for window in windows if window.earliest or window.latest),
        )


def make_token(row: TaskRow) -> str:
    """The cursor behind a task: base64 of JSON, as Scale's own."""
    place = {"task_id": row.task_id, "created_at": format_time(row.created_at)}
    return base64.b64encode(json.dumps(place).encode()).decode()


def read_token(token: str) -> Key:
    """The place a cursor names, whether or not that task still exists. Raises RefusedError 400."""
    try:
        place = json.loads(base64.b64decode(token, validate=True))
        return sort_key(parse_time(place["created_at"]), str(place["task_id"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RefusedError(400, "next_token is not valid.") from error


def _shown(record: Record, *, limited: bool, with_urls: bool) -> Record:
    if limited:
        return {name: record[name] for name in LIMITED_FIELDS if name in record}
    return {**record, "attachmentS3Downloads": _downloads(record)} if with_urls else record


def _downloads(record: Record) -> list[Record]:
    params = record.get("params") or {}
    attachments = params.get("attachments") or [params.get("attachment")]
    return [
        {
            "attachmentURL": url,
            "isConvertedImage": False,
            "s3URL": f"https://attachments.example.com/{record.get('task_id')}/{position}?X-Amz-Expires=3600",
        }
        for position, url in enumerate(attachments)
        if isinstance(url, str)
    ]
