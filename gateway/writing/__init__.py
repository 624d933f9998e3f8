"""Writing tasks: what is checked, sent, tried again and kept, over what a backend can do."""

from gateway.writing.creation import TaskCreator
from gateway.writing.task_writes import TaskWrites
from gateway.writing.urls import UrlRules

__all__ = ["TaskCreator", "TaskWrites", "UrlRules"]
