"""The words of onhand, for everybody who talks to it: commands, decisions, events, outcomes, topics."""

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
from onhand.schemas.events import MovementRecorded, ReservationCommitted, StockAlert, StockChanged
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
    "MovementRecorded",
    "Outcome",
    "Receive",
    "Release",
    "ReservationCommitted",
    "Reserve",
    "Return",
    "SetReorder",
    "Ship",
    "StockAlert",
    "StockChanged",
    "decode_command",
    "partition_of",
    "position_key",
]
