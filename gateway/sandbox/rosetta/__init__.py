"""A strict emulator of Rosetta's documented REST API, in memory."""

from gateway.sandbox.rosetta.emulator import RosettaSandbox
from gateway.sandbox.rosetta.options import RosettaOptions

__all__ = ["RosettaOptions", "RosettaSandbox"]
