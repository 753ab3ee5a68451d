"""The words of onhand, for everybody who talks to it: commands, decisions, events, outcomes, topics.

A word's module is imported when the word is first asked for: who needs one of them does not wait for all the others.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
else:
    from importlib import import_module

    _ELSEWHERE = {
        "ChannelStockChanged": "events",
        "Decision": "decisions",
        "Malformed": "codec",
        "MovementRecorded": "events",
        "Outcome": "outcomes",
        "ReservationCommitted": "events",
        "StockAlert": "events",
        "StockChanged": "events",
        "decode_command": "codec",
        "new_id": "ids",
        "partition_of": "partitioner",
        "position_key": "positions",
        "split_position": "positions",
    }

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        word = getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'commands')}"), name)
        globals()[name] = word  # from now on without this function
        return word

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


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
