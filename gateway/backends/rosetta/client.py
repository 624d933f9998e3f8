"""The client of Rosetta: what the gateway asks of it, each within the backend's deadline."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import strawberry

from gateway.backends.base import CallObserver, Outcome
from gateway.backends.guard import Guard
from gateway.backends.rosetta.annotation_requests import ImportedRequest, Schedule
from gateway.backends.rosetta.auth import sign
from gateway.backends.rosetta.campaigns import Campaign, Frames
from gateway.backends.rosetta.envelope import bad_response
from gateway.backends.rosetta.normalize import restored_task
from gateway.backends.rosetta.reads import RosettaReads
from gateway.backends.rosetta.scenes import ReadingPlan, SceneReader, by_annotation_request
from gateway.backends.rosetta.statistics import StatisticsRow, by_task
from gateway.backends.transport import BackendTransport, Limits, Wire
from gateway.tracing import CallTracing
from schema.backend import Backend
from schema.errors import GatewayError
from schema.references import Reference, RosettaTaskReference
from schema.task import Task, TaskEvent

# Rosetta writes no zone; the moments hidden in old request ids fit this one.
DEFAULT_ZONE: Final = "Asia/Shanghai"
_AS_CHEAP = ReadingPlan()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTasks:
    """An annotation request and an outcome for each of its scenes, in the request's order."""

    request: ImportedRequest
    outcomes: Mapping[str, Outcome]


class RosettaClient:
    """Reads Rosetta. Every method ends within the transport's `timeout_s`.

    All but `fetch` and `restore` raise GatewayError when the backend fails, and answer None for what it does not know.
    Where several are needed for one picture the order is `annotation_request`, then tasks or `statistics`, then
    `schedule`: the later one then knows at least what the earlier one told.
    """

    backend = Backend.ROSETTA
    # Its reads take asyncio's own deadlines, which ask for the running task.
    fetch_may_be_begun = False

    def __init__(
        self,
        transport: BackendTransport,
        *,
        time_zone: tzinfo,
        observer: CallObserver,
        now: Callable[[], datetime],
    ) -> None:
        self._transport = transport
        self._reads = RosettaReads(transport, observer, time_zone, now)
        self._scenes = SceneReader(self._reads, now)

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def fetch(self, references: Sequence[Reference], *, view_url: bool = False) -> Sequence[Outcome]:
        """One outcome a reference, in their order. Raises TypeError for a reference of another backend."""
        wanted = [_own(reference) for reference in references]
        outcomes: dict[RosettaTaskReference, Outcome] = {}
        async with self._late(wanted, outcomes), asyncio.TaskGroup() as group:
            for scenes in by_annotation_request(wanted).values():
                group.create_task(self._scenes.read(scenes, outcomes, view_url=view_url))
        return [outcomes[reference] for reference in wanted]

    def restore(self, reference: Reference, body: bytes, fetched_at: datetime) -> Task:
        """The task whose record's body was kept. Raises ValueError for bytes that are no such body."""
        return restored_task(_own(reference), body, fetched_at)

    async def tasks_of(self, annotation_request_id: str) -> RequestTasks | None:
        """Every scene of an annotation request, in 1 + ceil(N/100) calls where its rows join; None for an unknown one.

        Where they do not, at most 100 scenes are read alone. A scene whose task could not be read has a GatewayError.
        """
        wanted: list[RosettaTaskReference] = []
        outcomes: dict[RosettaTaskReference, Outcome] = {}
        async with self._late(wanted, outcomes):
            request = await self._scenes.request(annotation_request_id)
            if request is None:
                return None
            wanted += _references(request)
            await self._scenes.read_whole(wanted, request, outcomes)
        return RequestTasks(
            request=request,
            outcomes=MappingProxyType({reference.scene_id: outcomes[reference] for reference in wanted}),
        )

    async def read_scenes(
        self, request: ImportedRequest, scene_ids: Sequence[str], how: ReadingPlan = _AS_CHEAP
    ) -> Mapping[str, Outcome]:
        """An outcome for each of `scene_ids`, scenes of `request` as it was read, and for those that come along.

        Bulk or alone, whichever costs fewer calls; the request itself is not read again.
        """
        scenes = _references(request)
        names = frozenset(scene_ids)
        wanted = [reference for reference in scenes if reference.scene_id in names]
        outcomes: dict[RosettaTaskReference, Outcome] = {}
        async with self._late(wanted, outcomes):
            await self._scenes.read_some(scenes, frozenset(wanted), request, outcomes, how)
        return {reference.scene_id: outcome for reference, outcome in outcomes.items()}

    async def annotation_request(self, annotation_request_id: str) -> ImportedRequest | None:
        """How the scenes of an annotation request were imported."""
        async with self._transport.deadline():
            return await self._scenes.request(annotation_request_id)

    async def schedule(self, annotation_request_id: str) -> Schedule | None:
        """How far its tasks are labelled, and their delivered files."""
        async with self._transport.deadline():
            return await self._reads.schedule(annotation_request_id)

    async def statistics(self, annotation_request_id: str) -> tuple[StatisticsRow, ...] | None:
        """The present state of all its tasks by task id, whatever scenes they are of."""
        async with self._transport.deadline():
            walked = await self._reads.statistics(annotation_request_id)
        if walked is not None and walked.failure is not None:
            raise walked.failure
        return None if walked is None else walked.rows

    async def history(self, annotation_request_id: str) -> Mapping[str, list[TaskEvent]] | None:
        """What happened to each of its tasks, by task id, oldest first."""
        async with self._transport.deadline():
            walked = await self._reads.history(annotation_request_id)
        if walked is not None and walked.failure is not None:
            raise walked.failure
        return None if walked is None else by_task(walked.rows)

    async def campaign(self, name: str) -> Campaign | None:
        """The campaign of this name, which is not its id."""
        async with self._transport.deadline():
            return await self._reads.campaign(name)

    async def campaigns_of_folder(self, folder_name: str) -> tuple[Campaign, ...] | None:
        """The campaigns of a folder, None for an unknown folder."""
        async with self._transport.deadline():
            return await self._reads.campaigns_of_folder(folder_name)

    async def frames(self, campaign_id: str) -> Frames | None:
        """How many frames of the campaign with this id are annotated."""
        async with self._transport.deadline():
            return await self._reads.frames(campaign_id)

    async def system_status(self) -> tuple[str, ...]:
        """The vendor's own sentences about its systems."""
        async with self._transport.deadline():
            return await self._reads.system_status()

    @asynccontextmanager
    async def _late(
        self, wanted: Sequence[RosettaTaskReference], outcomes: dict[RosettaTaskReference, Outcome]
    ) -> AsyncIterator[None]:
        """What happens inside ends in time: what of `wanted` has no outcome by then gets the failure."""
        try:
            async with self._transport.deadline():
                yield
        except GatewayError as error:
            if not wanted:
                raise
            for reference in wanted:
                outcomes.setdefault(reference, error)


def rosetta_backend(
    base_url: str,
    access_key: str,
    secret_key: str,
    *,
    observer: CallObserver,
    time_zone: tzinfo | None = None,
    limits: Limits | None = None,
    wire: Wire | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    guard: Guard | None = None,
    tracing: CallTracing | None = None,
) -> RosettaClient:
    """A client for the key pair at `base_url`, which ends in "/rosetta-open". To be closed with `aclose`.

    `time_zone` is that of times which come without one, Asia/Shanghai unless told. `now` answers with an aware moment.
    """

    def headers() -> Mapping[str, str]:
        return sign(access_key, secret_key, (now() - _EPOCH) // timedelta(milliseconds=1))

    transport = BackendTransport(
        Backend.ROSETTA,
        base_url,
        sign=headers,
        observer=observer,
        limits=limits,
        wire=wire,
        guard=guard,
        tracing=tracing,
    )
    return RosettaClient(transport, time_zone=time_zone or ZoneInfo(DEFAULT_ZONE), observer=observer, now=now)


def _own(reference: Reference) -> RosettaTaskReference:
    if not isinstance(reference, RosettaTaskReference):
        raise TypeError(f"a reference of {reference.backend.name} came to {Backend.ROSETTA.name}")
    return reference


def _references(request: ImportedRequest) -> list[RosettaTaskReference]:
    if request.campaign_id is None:
        raise bad_response("GET /annotation-request", "sent an annotation request without its campaign")
    campaign_id = strawberry.ID(request.campaign_id)
    request_id = strawberry.ID(request.annotation_request_id)
    return [
        RosettaTaskReference(
            campaign_id=campaign_id, annotation_request_id=request_id, scene_id=strawberry.ID(scene_id)
        )
        for scene_id in request.scene_ids
    ]
