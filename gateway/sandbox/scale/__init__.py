"""Scale AI's REST API in memory, strict where its documentation is clear and switchable where it is not."""

from gateway.sandbox.scale.emulator import ScaleSandbox
from gateway.sandbox.scale.options import ScaleOptions
from gateway.sandbox.scale.store import ScaleStore, TaskRow

__all__ = ["ScaleOptions", "ScaleSandbox", "ScaleStore", "TaskRow"]
