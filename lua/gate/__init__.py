"""The gate: the fragments of its script, and the client with one method per script."""

from onhand.lua.gate.client import Gate, connect

__all__ = ["Gate", "connect"]
