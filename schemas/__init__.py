"""The words of onhand, for everybody who talks to it: commands, decisions, outcomes, topics."""

from onhand.schemas.codec import Malformed, decode_command
from onhand.schemas.commands import (
    Adjust,
    Command,
    Commit,
    Extend,
    Line,
    Receive,
    Release,
    Reserve,
    Return,
    SetReorder,
    Ship,
)
from onhand.schemas.decisions import Decision
from onhand.schemas.outcomes import Outcome
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key

__all__ = [
    "Adjust",
    "Command",
    "Commit",
    "Decision",
    "Extend",
    "Line",
    "Malformed",
    "Outcome",
    "Receive",
    "Release",
    "Reserve",
    "Return",
    "SetReorder",
    "Ship",
    "decode_command",
    "partition_of",
    "position_key",
]
