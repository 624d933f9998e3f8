"""Every read that Rosetta offers and the gateway uses: the only place that writes its paths and fields."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from gateway.backends.base import CallObserver
from gateway.backends.rosetta.annotation_requests import (
    ImportedRequest,
    Schedule,
    parse_annotation_request,
    parse_schedule,
)
from gateway.backends.rosetta.campaigns import Campaign, Frames, parse_campaign, parse_frames
from gateway.backends.rosetta.codes import SCENE_NOT_FOUND
from gateway.backends.rosetta.envelope import Reply, StaleSignatureError, bad_response, read_reply
from gateway.backends.rosetta.fields import Fields, Misfit
from gateway.backends.rosetta.normalize import task_from_single
from gateway.backends.rosetta.pages import Walk, walk
from gateway.backends.rosetta.plan import HISTORY_PAGE, STATISTICS_PAGE
from gateway.backends.rosetta.statistics import (
    HistoryRow,
    Page,
    StatisticsRow,
    parse_history_row,
    parse_page,
    parse_statistics_row,
)
from gateway.backends.transport import Answer, BackendTransport, Call, path_segment
from schema.backend import Backend
from schema.references import RosettaTaskReference
from schema.task import Task

T = TypeVar("T")
Row = TypeVar("Row")


class SceneUnknown(Enum):
    """POST /task/get knows campaign and annotation request, but no task of this scene."""

    SCENE_UNKNOWN = "scene unknown"


SCENE_UNKNOWN: Final = SceneUnknown.SCENE_UNKNOWN
SingleRead: TypeAlias = Task | Literal[SceneUnknown.SCENE_UNKNOWN] | None


class RosettaReads:
    """One method a read. Each goes out once, and once more when Rosetta finds the signature too old.

    All raise GatewayError for everything but a success and "no such thing", which is None.
    """

    def __init__(
        self, transport: BackendTransport, observer: CallObserver, zone: tzinfo, now: Callable[[], datetime]
    ) -> None:
        self._transport = transport
        self._observer = observer
        self._parse_history_row = parse_history_row(zone)
        self._now = now

    async def task(self, reference: RosettaTaskReference) -> SingleRead:
        """One task, with its view URL. POST, yet a read: the body is what names the task."""
        endpoint = "POST /task/get"
        body = {
            "campaignId": reference.campaign_id,
            "annotationRequestId": reference.annotation_request_id,
            "sceneId": reference.scene_id,
        }

        def parse(reply: Reply) -> SingleRead:
            if not reply.is_found:
                return SCENE_UNKNOWN if reply.code == SCENE_NOT_FOUND else None
            return task_from_single(reference, _object(reply.data, endpoint), self._now(), self.misfit)

        return await self._ask(Call(endpoint, "POST", "/task/get", body=body), parse)

    async def annotation_request(self, annotation_request_id: str) -> ImportedRequest | None:
        """How the scenes of an annotation request were imported."""
        query = (("annotationRequestId", annotation_request_id),)

        def parse(fields: Fields) -> ImportedRequest | None:
            return parse_annotation_request(annotation_request_id, fields)

        return await self._ask_object("GET /annotation-request", "/annotation-request", query, parse)

    async def schedule(self, annotation_request_id: str) -> Schedule | None:
        """How far an annotation request is labelled. An empty answer counts as "no such request"."""
        query = (("annotationRequestId", annotation_request_id),)
        path = "/annotation-request/task/schedule"

        def parse(reply: Reply) -> Schedule | None:
            if reply.data in (None, {}):
                return None
            return parse_schedule(self._fields(reply.data, f"GET {path}"))

        return await self._ask(Call(f"GET {path}", "GET", path, query), parse)

    async def statistics(self, annotation_request_id: str) -> Walk[StatisticsRow] | None:
        """The rows of all tasks of one annotation request; a page that failed is noted beside the others' rows."""
        return await self._walk(
            "/statistics", annotation_request_id, STATISTICS_PAGE, parse_statistics_row, lambda row: row.task_id
        )

    async def history(self, annotation_request_id: str) -> Walk[HistoryRow] | None:
        """What happened to the tasks of one annotation request."""
        return await self._walk(
            "/statistics/record",
            annotation_request_id,
            HISTORY_PAGE,
            self._parse_history_row,
            lambda row: row.record_id,
        )

    async def campaign(self, name: str) -> Campaign | None:
        """The campaign of this name (not id)."""
        endpoint = "GET /campaign/{campaignName}"

        def parse(fields: Fields) -> Campaign:
            found = parse_campaign(fields)
            if found is None:
                raise bad_response(endpoint, "sent a campaign without id or name")
            return found

        return await self._ask_object(endpoint, f"/campaign/{path_segment(name)}", (), parse)

    async def campaigns_of_folder(self, folder_name: str) -> tuple[Campaign, ...] | None:
        """The campaigns of a folder without those that lack id or name; None for an unknown folder."""
        path = "/campaign/queryByFolderName"

        def parse(reply: Reply) -> tuple[Campaign, ...] | None:
            if not reply.is_found:
                return None
            records = Fields({"data": _list(reply.data, f"GET {path}")}, self.misfit).each("data")
            found = [parse_campaign(Fields(record, self.misfit)) for record in records]
            if None in found:
                self.misfit("campaignId")
            return tuple(campaign for campaign in found if campaign is not None)

        return await self._ask(Call(f"GET {path}", "GET", path, (("folderName", folder_name),)), parse)

    async def frames(self, campaign_id: str) -> Frames | None:
        """Frame counts of the campaign with this id (not name)."""
        query = (("campaignId", campaign_id),)
        return await self._ask_object("GET /statistics/frames", "/statistics/frames", query, parse_frames)

    async def system_status(self) -> tuple[str, ...]:
        """Sentences of the vendor about its systems; free text."""
        path = "/system/getStatus"

        def parse(reply: Reply) -> tuple[str, ...]:
            return Fields({"data": _list(reply.data, f"GET {path}")}, self.misfit).labels("data")

        return await self._ask(Call(f"GET {path}", "GET", path), parse)

    def misfit(self, field: str) -> None:
        """Reports a field that did not fit its type."""
        self._observer.misfit(Backend.ROSETTA, field)

    async def _walk(
        self,
        path: str,
        annotation_request_id: str,
        limit: int,
        parse_row: Callable[[Mapping[str, object], Misfit], Row | None],
        row_id: Callable[[Row], str],
    ) -> Walk[Row] | None:
        # One annotation request a call: rows do not name theirs, and one bad id may fail the whole call.
        endpoint = f"GET {path}"

        def parse(fields: Fields) -> Page[Row]:
            page = parse_page(fields, self.misfit, parse_row)
            if page is None:
                raise bad_response(endpoint, "sent a page that does not say how many rows there are")
            return page

        async def read_page(number: int) -> Page[Row] | None:
            # `offset` is the vendor's name for the page's number.
            query = (
                ("annotationRequestId", annotation_request_id),
                ("offset", str(number)),
                ("limit", str(limit)),
            )
            return await self._ask_object(endpoint, path, query, parse)

        return await walk(read_page, row_id)

    async def _ask_object(
        self, endpoint: str, path: str, query: Sequence[tuple[str, str]], parse: Callable[[Fields], T]
    ) -> T | None:
        def read(reply: Reply) -> T | None:
            return parse(self._fields(reply.data, endpoint)) if reply.is_found else None

        return await self._ask(Call(endpoint, "GET", path, query), read)

    async def _ask(self, call: Call, parse: Callable[[Reply], T]) -> T:
        def read(answer: Answer) -> T:
            reply = read_reply(answer, call.endpoint, self._now())
            try:
                return parse(reply)
            except RecursionError:
                raise bad_response(call.endpoint, "sent an answer nested too deeply") from None

        try:
            return await self._transport.send(call, read)
        except StaleSignatureError:
            # The transport signs each sending anew; a second refusal is final.
            return await self._transport.send(call, read)

    def _fields(self, data: object, endpoint: str) -> Fields:
        return Fields(_object(data, endpoint), self.misfit)


def _object(data: object, endpoint: str) -> dict[str, object]:
    if not isinstance(data, dict):
        raise bad_response(endpoint, "sent an answer that is not in its documented form")
    return data


def _list(data: object, endpoint: str) -> list[object]:
    if not isinstance(data, list):
        raise bad_response(endpoint, "sent an answer that is not in its documented form")
    return data
