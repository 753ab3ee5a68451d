"""The words of onhand, for everybody who talks to it: commands, decisions, events, outcomes, topics."""

from onhand.schemas.codec import Malformed, decode_command
from onhand.schemas.commands import (
    Adjust,
    Arrive,
    Command,
    Commit,
    Count,
    Extend,
    Line,
    Receive,
    Release,
    Reserve,
    Return,
    SetReorder,
    Ship,
    Transfer,
)
from onhand.schemas.decisions import Decision
from onhand.schemas.events import (
    ChannelStockChanged,
    MovementRecorded,
    ReservationCommitted,
    StockAlert,
    StockChanged,
)
from onhand.schemas.ids import new_id
from onhand.schemas.outcomes import Outcome
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key, split_position

__all__ = [
    "Adjust",
    "Arrive",
    "ChannelStockChanged",
    "Command",
    "Commit",
    "Count",
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
    "Transfer",
    "decode_command",
    "new_id",
    "partition_of",
    "position_key",
    "split_position",
]
