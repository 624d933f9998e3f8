"""Readers: what resolvers ask, made anew for each operation over what lives as long as the process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypedDict

from gateway.annotation_requests import AnnotationRequests
from gateway.backends.base import UnconfiguredBackend
from gateway.backends.rosetta import RosettaClient
from gateway.backends.scale import ScaleClient
from gateway.batches import OperationPlaces
from gateway.counterparts import OperationCounterparts, SceneKeys
from gateway.hierarchy import OperationCampaigns, OperationRequests
from gateway.listing.counts import TaskCounter
from gateway.listing.lister import BackendLister, Walks
from gateway.listing.rosetta import RosettaWalk
from gateway.listing.scale import ScaleWalk
from gateway.loaders import OperationLoader
from gateway.repository import TaskRepository
from schema.backend import Backend
from schema.context import (
    AnnotationRequestReader,
    CampaignReader,
    CounterpartReader,
    PlaceReader,
    TaskLister,
    TaskLoader,
)


class OperationReaders(TypedDict):
    """The fields of a Context that belong to one operation."""

    tasks: TaskLoader
    lists: TaskLister
    requests: AnnotationRequestReader
    campaigns: CampaignReader
    places: PlaceReader
    counterparts: CounterpartReader


@dataclass(frozen=True)
class Clients:
    """Both backends' clients, configured or not, and their deadlines in seconds."""

    scale: ScaleClient | UnconfiguredBackend
    rosetta: RosettaClient | UnconfiguredBackend
    scale_timeout_s: float
    rosetta_timeout_s: float


class Readers:
    """Made once; closed by the app's lifespan. `fresh_s` is how long an annotation request counts as fresh."""

    def __init__(
        self,
        repository: TaskRepository,
        clients: Clients,
        keys: SceneKeys,
        *,
        fresh_s: float,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._repository = repository
        self._clients = clients
        self._keys = keys
        self._requests = AnnotationRequests(
            clients.rosetta, repository, fresh_s=fresh_s, timeout_s=clients.rosetta_timeout_s, clock=clock
        )
        self._now = now
        self._scale_walk = ScaleWalk(clients.scale, repository, now)
        self._lister = self._lister_over(self._requests)

    def for_operation(self, deadline: float, *, no_cache: bool = False) -> OperationReaders:
        """Readers that share what they read, and never outlive their operation; see `OperationLoader`."""
        tasks = OperationLoader(self._repository, deadline, no_cache=no_cache)
        requests = self._requests.anew(self._now()) if no_cache else self._requests
        return OperationReaders(
            tasks=tasks,
            lists=self._lister_over(requests) if no_cache else self._lister,
            requests=OperationRequests(requests),
            campaigns=OperationCampaigns(self._clients.rosetta),
            places=OperationPlaces(self._clients.scale),
            counterparts=OperationCounterparts(tasks, self._keys),
        )

    async def aclose(self) -> None:
        """No read is left running."""
        await self._requests.aclose()

    def _lister_over(self, requests: AnnotationRequests) -> BackendLister:
        clients = self._clients
        timeouts = MappingProxyType(
            {Backend.SCALE: clients.scale_timeout_s, Backend.ROSETTA: clients.rosetta_timeout_s}
        )
        return BackendLister(
            Walks(
                rosetta=RosettaWalk(requests),
                scale=self._scale_walk,
                counter=TaskCounter(requests, clients.scale, timeouts),
                clients=MappingProxyType({Backend.SCALE: clients.scale, Backend.ROSETTA: clients.rosetta}),
                timeout_s=timeouts,
            )
        )
