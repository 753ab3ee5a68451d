"""Commands: the wishes that stand in `inventory.commands`, one struct for each type, strict to the letter."""

from typing import ClassVar, final

from onhand.schemas.fields import Channel, Percent, QuantityOrZero, Shards
from onhand.schemas.holds import Commit, Extend, Line, Release, Reserve, reserve_use
from onhand.schemas.movements import Adjust, Arrive, Count, Receive, Return, SetReorder, Ship, Transfer
from onhand.schemas.verbs import CommandModel, Op, Placed, Tagged

__all__ = [
    "Adjust",
    "Allocate",
    "Arrive",
    "Command",
    "CommandModel",
    "Commit",
    "Count",
    "Extend",
    "Line",
    "Op",
    "Rebalance",
    "Receive",
    "Release",
    "Reserve",
    "Return",
    "SetReorder",
    "Shard",
    "Ship",
    "Sweep",
    "Transfer",
    "reserve_use",
]


@final
class Allocate(Placed, frozen=True, kw_only=True, tag="allocate"):
    """Split what is available over channels by percent."""

    ratios: dict[Channel, Percent]

    def __post_init__(self) -> None:
        """At most all."""
        if sum(self.ratios.values()) > 100:
            raise ValueError("ratios: add up to more than 100")


@final
class Rebalance(Placed, frozen=True, kw_only=True, tag="rebalance"):
    """Move unsold units between the channels by demand."""

    demand: dict[Channel, QuantityOrZero]
    floor: QuantityOrZero = 0


@final
class Shard(Placed, frozen=True, kw_only=True, tag="shard"):
    """Spread what is available over virtual shards of a hot SKU."""

    shards: Shards


@final
class Sweep(Tagged, frozen=True, kw_only=True, tag="sweep"):
    """The sweeper's own: end what expired at or before the clock. Stands in the partition it is about, without a key."""

    op: ClassVar[Op | None] = Op.SWEEP

    @property
    def use(self) -> str:
        """A sweep has no id."""
        return "sweep"


Command = (
    Reserve | Extend | Commit | Release | Receive | Return | Ship | Adjust | SetReorder
    | Count | Transfer | Arrive | Allocate | Rebalance | Shard | Sweep
)  # fmt: skip
