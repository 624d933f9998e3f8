"""Scale AI, API version 1: the client, and how its records become tasks."""

from gateway.backends.scale.client import ScaleClient, scale_backend
from gateway.backends.scale.queries import TaskQuery

__all__ = ["ScaleClient", "TaskQuery", "scale_backend"]
