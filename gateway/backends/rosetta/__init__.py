"""Rosetta by Stardust AI: its signature, its codes, its reads, and its records made Tasks."""

from gateway.backends.rosetta.annotation_requests import ImportedRequest, ImportState, Schedule, derived_status
from gateway.backends.rosetta.campaigns import Campaign, Frames
from gateway.backends.rosetta.client import DEFAULT_ZONE, RequestTasks, RosettaClient, rosetta_backend
from gateway.backends.rosetta.scenes import ReadingPlan
from gateway.backends.rosetta.statistics import StatisticsRow

__all__ = [
    "DEFAULT_ZONE",
    "Campaign",
    "Frames",
    "ImportState",
    "ImportedRequest",
    "ReadingPlan",
    "RequestTasks",
    "RosettaClient",
    "Schedule",
    "StatisticsRow",
    "derived_status",
    "rosetta_backend",
]
