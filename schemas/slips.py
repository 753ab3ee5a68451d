"""Slips: onhand's own records in `inventory.commands`, by which partitions act together. Each is signed (`onhand.schemas.signing`).

A slip carries the stamp of the record that caused it, `from: [partition, offset, index]`: the partition that receives it drops what is
not above the last stamp it has seen from there, so every link is exactly-once and in order. The router of `inventory.requests`
stamps with `-1 - partition`, so that its partitions are not taken for those of the commands.
"""

from typing import Annotated, ClassVar, Literal, final

from pydantic import ConfigDict, Field

from onhand.schemas.commands import (
    Adjust,
    Arrive,
    Commit,
    Count,
    Extend,
    Id,
    Receive,
    Release,
    Reserve,
    Return,
    SetReorder,
    Ship,
    StrictModel,
    Text,
    TimeMs,
    Transfer,
)
from onhand.schemas.positions import MAX_QUANTITY

_Whole = Annotated[int, Field(ge=-(2**31), lt=2**53)]
_Use = Annotated[int, Field(ge=0, lt=2**48)]


Stamp = Annotated[tuple[_Whole, _Whole, _Whole], Field(strict=False)]
"""Where a slip comes from: the record's partition (of requests: -1 - partition) and offset, and which of its slips it is."""


class Short(StrictModel):
    """A line of a refused order that is not there; of that leg's position at the moment of the refusal."""

    line: Annotated[int, Field(ge=0, lt=100)]
    sku_id: str
    warehouse_id: int
    requested: Annotated[int, Field(ge=1, le=100 * MAX_QUANTITY)]
    available_qty: Annotated[int, Field(ge=0)]


class _Slip(StrictModel):
    model_config = ConfigDict(populate_by_name=True)
    op: ClassVar[None] = None
    stamp: Stamp = Field(alias="from")

    @property
    def use(self) -> str:
        """A slip has no id of its own."""
        return ""

    def to_json(self) -> bytes:
        """The record value for Kafka."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()


Placed = (
    Reserve | Extend | Commit | Release | Receive | Return | Ship | Adjust | SetReorder | Count | Transfer | Arrive
)  # fmt: skip
"""Commands that name a position."""


@final
class Passed(_Slip):
    """A command that was passed on to where it belongs. `opened_at_ms`: a leg passes on to the home of the use that it holds."""

    type: Literal["passed"] = "passed"
    command: Annotated[Placed, Field(discriminator="type")]
    opened_at_ms: TimeMs | None = None


@final
class Unplaced(_Slip):
    """A commit, release or extend of a reservation that the router could not find: nobody holds it."""

    type: Literal["unplaced"] = "unplaced"
    verb: Literal["commit", "release", "extend"]
    id: Id
    reservation_id: Id
    reference_id: Text | None = None


@final
class Hop(_Slip):
    """An order at its next leg. A `repeat` changes nothing anywhere."""

    type: Literal["hop"] = "hop"
    order: Reserve
    opened_at_ms: TimeMs
    expires_at_ms: TimeMs
    repeat: bool = False


@final
class Arrival(_Slip):
    """A transfer at its destination. A `repeat` changes nothing."""

    type: Literal["arrival"] = "arrival"
    transfer: Transfer
    opened_at_ms: TimeMs
    repeat: bool = False


@final
class Undo(_Slip):
    """What an order holds at an earlier leg, or a transfer took from its source, goes back, since a later leg refused."""

    type: Literal["undo"] = "undo"
    command: Annotated[Reserve | Transfer, Field(discriminator="type")]
    opened_at_ms: TimeMs
    outcome: Literal["id_reused", "already_expired", "insufficient_stock", "insufficient_channel_stock", "quarantined",
                     "limit_exceeded"]  # fmt: skip
    short: Annotated[tuple[Short, ...], Field(max_length=100, strict=False)] | None = None


@final
class Settle(_Slip):
    """What the home decided of an order: the hold of another leg follows it. Without a command the order expired.

    `order` is the hash of the reserve, `expires_at_ms` what an extend comes to.
    """

    type: Literal["settle"] = "settle"
    reservation_id: Id
    order: _Use
    opened_at_ms: TimeMs
    command: Annotated[Commit | Release | Extend, Field(discriminator="type")] | None = None
    expires_at_ms: TimeMs | None = None


Slip = Passed | Unplaced | Hop | Arrival | Undo | Settle
