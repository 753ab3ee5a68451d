"""Slips: onhand's own records in `inventory.commands`, by which partitions act together. Each is signed (`onhand.schemas.signing`).

A slip carries the stamp of the record that caused it, `from: [partition, offset, index]`: the partition that receives it drops what is
not above the last stamp it has seen from there, so every link is exactly-once and in order. The router of `inventory.requests`
stamps with sources below 0 (`-1 - partition` of the first such topic), so that its partitions are not taken for those of the
commands. `to` is signed with it: whoever may append can copy a signed record into another partition, and there it is invalid.

Structs of msgspec, like what onhand says elsewhere: they are read for every leg of an order, and what is signed was checked before.
"""

from typing import Any, ClassVar, Literal, final

import msgspec
from msgspec.structs import asdict, force_setattr

from onhand.schemas.commands import (
    Adjust,
    Arrive,
    Commit,
    Count,
    Extend,
    Receive,
    Release,
    Reserve,
    Return,
    SetReorder,
    Ship,
    Transfer,
)
from onhand.schemas.legs import Order
from onhand.schemas.words import TimeMs, Whole

Stamp = tuple[Whole, Whole, Whole]
"""Where a slip comes from: the record's partition (of requests below 0) and offset, and which of its slips it is."""

Wish = (
    Reserve | Extend | Commit | Release | Receive | Return | Ship | Adjust | SetReorder | Count | Transfer | Arrive
)  # fmt: skip
"""Commands of clients, which all name a position."""


class Short(msgspec.Struct, frozen=True):
    """A line of a refused order that is not there; of that leg's position at the moment of the refusal."""

    line: Whole
    sku_id: str
    warehouse_id: Whole
    requested: Whole
    available_qty: Whole

    def told(self) -> dict[str, Any]:
        """As decisions tell it."""
        return asdict(self)


class _Slip(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type"
):
    op: ClassVar[None] = None
    stamp: Stamp = msgspec.field(name="from")
    to: Whole
    """The partition that it is sent to: in another one it is a stranger's copy."""

    @property
    def type(self) -> str:
        """The word in the record."""
        return str(self.__struct_config__.tag)

    @property
    def use(self) -> str:
        """A slip has no id of its own."""
        return ""

    def to_json(self) -> bytes:
        """The record value for Kafka."""
        return _ENCODER.encode(self)


@final
class Passed(_Slip, frozen=True, kw_only=True, tag="passed"):
    """A client's command from the router, or an ending one that a leg passes on to the home of the use that it holds (`opened_at_ms`)."""

    command: Wish
    opened_at_ms: TimeMs | None = None


@final
class Unplaced(_Slip, frozen=True, kw_only=True, tag="unplaced"):
    """A commit, release or extend of a reservation that the router could not find: nobody holds it."""

    verb: Literal["commit", "release", "extend"]
    id: str
    reservation_id: str
    reference_id: str | None = None


@final
class Hop(_Slip, frozen=True, kw_only=True, tag="hop"):
    """An order at its next leg; without a clock it comes to its first leg, from where its first line belongs.

    A `repeat` changes nothing anywhere.
    """

    order: Order
    opened_at_ms: TimeMs | None = None
    expires_at_ms: TimeMs | None = None
    repeat: bool = False


@final
class Arrival(_Slip, frozen=True, kw_only=True, tag="arrival"):
    """A transfer at its destination. A `repeat` changes nothing."""

    transfer: Transfer
    opened_at_ms: TimeMs
    repeat: bool = False


@final
class Undo(_Slip, frozen=True, kw_only=True, tag="undo"):
    """What an order holds at an earlier leg, or a transfer took from its source, goes back, since a later leg refused."""

    command: Any
    """An `Order` or a `Transfer`."""
    opened_at_ms: TimeMs
    outcome: Literal["id_reused", "already_expired", "insufficient_stock", "insufficient_channel_stock", "quarantined",
                     "limit_exceeded"]  # fmt: skip
    short: tuple[Short, ...] | None = None

    def __post_init__(self) -> None:
        """What comes out of JSON becomes one of the two: an `Order` has no `type` in its JSON, so that msgspec cannot tell."""
        if type(self.command) is dict:
            kind = Transfer if self.command.get("type") == "transfer" else Order
            force_setattr(self, "command", msgspec.convert(self.command, kind))


@final
class Settle(_Slip, frozen=True, kw_only=True, tag="settle"):
    """What the home decided of an order: the hold of another leg follows it. Without a command the order expired.

    `order` is the hash of the reserve, `expires_at_ms` what an extend comes to.
    """

    reservation_id: str
    order: Whole
    opened_at_ms: TimeMs
    command: Wish | None = None
    """A `Commit`, `Release` or `Extend`."""
    expires_at_ms: TimeMs | None = None


Slip = Passed | Unplaced | Hop | Arrival | Undo | Settle


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Slip)


def decode_slip(value: bytes) -> Slip:
    """The slip in a record's value; a ValueError where it is none."""
    try:
        slip: Slip = _DECODER.decode(value)
        return slip
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
