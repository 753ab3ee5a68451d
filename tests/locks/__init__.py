"""Locks of operators against real nodes, which die, hang and forget."""
