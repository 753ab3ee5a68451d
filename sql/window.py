"""What one window of decisions does to the ledger. Plain data: whoever folds decisions needs no database for it.

Positions are keys (``SKU:warehouse``), quantities units, times epoch milliseconds of the partition's clock.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

End = Literal["committed", "released", "expired"]


class Change(NamedTuple):
    """A position's newest numbers. `expected` is its version before the window, `before` what was available then."""

    position: str
    expected: int
    before: int
    available: int
    reserved: int
    version: int
    at_ms: int
    trace: bytes | None


class Hold(NamedTuple):
    """A line that was reserved in the window; `ended` where it ended in it, too."""

    reservation_id: str
    line: int
    position: str
    quantity: int
    order_id: str | None
    channel: str | None
    expires_at_ms: int
    ended: End | None
    use: str | None = None
    """Of an order's line: which use of the id it is, with home and legs, as JSON."""


class Sale(NamedTuple):
    """A committed line, which is a `ship` movement as well."""

    movement_id: bytes
    reservation_id: str
    order_id: str | None
    line: int
    position: str
    quantity: int
    version: int
    at_ms: int
    trace: bytes | None


class Movement(NamedTuple):
    """A row of `stock_movements` that is no sale of a reservation; an adjust's quantity is signed.

    A transfer goes to the warehouse `other`; one that was undone comes back from there (negative).
    """

    movement_id: bytes
    position: str
    type: str
    quantity: int
    reference_id: str | None
    at_ms: int
    trace: bytes | None
    other: int = 0


@dataclass(slots=True)
class Transfer:
    """What a window adds to a transfer: units that left the source, came in, and were missing (negative) or too many.

    `opened_at_ms`, the clock at which it was opened, and `use`, the hash of its command, tell uses of one id apart.
    """

    transfer_id: str
    opened_at_ms: int
    sku_id: str
    source_warehouse: int
    dest_warehouse: int
    use: int
    mode: str = "dispatch"
    expected_at_ms: int | None = None
    shipped: int = 0
    arrived: int = 0
    adjusted: int = 0
    awaited: int | None = None
    """Units that the destination was told of, once it was."""
    status: Literal["open", "ended", "undone"] = "open"


class Reorder(NamedTuple):
    """The last `set_reorder` of a position, with what was available before the window and is after it."""

    position: str
    point: int
    quantity: int
    before: int
    available: int
    version: int
    at_ms: int


class Note(NamedTuple):
    """Something that the decisions should not have held; it is written all the same, with an alarm that does not stop."""

    code: str
    message: str


@dataclass(slots=True)
class Window:
    """Decisions `expected_seq` + 1 .. `seq` of a partition; `decisions_offset` is the next to be read in their log."""

    partition: int
    expected_seq: int
    seq: int
    source_offset: int
    decisions_offset: int
    clock_ms: int
    changes: list[Change] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    ended: dict[End, list[str]] = field(default_factory=lambda: {"committed": [], "released": [], "expired": []})
    extended: dict[str, int] = field(default_factory=dict)
    sales: list[Sale] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    """By id: two partitions write one row, and must not wait for each other."""
    seen: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Stamps of slips that decisions told, the newest of each source partition: offset and index."""
    reorders: list[Reorder] = field(default_factory=list)
    refused: dict[tuple[int, str], int] = field(default_factory=dict)
    """Units by day (since the epoch, UTC) and position."""
    notes: list[Note] = field(default_factory=list)
    remembered: bytes = b""
    """The ids that were done, as `remembered.encode` packs them."""
    events: bytes = b""
    """What is to be published once the window is durable, packed by whoever publishes."""


def movement_id(at_ms: int, partition: int, seq: int) -> bytes:
    """The movement of a decision: UUIDv7's layout (RFC 9562) over clock, partition and seq instead of chance.

    So it is the same after any replay, and ids ascend within a partition. 48 bits time, version, 12 bits partition,
    variant, 56 bits seq, 6 more bits partition: up to 262,144 partitions.
    """
    high = (at_ms << 16) | 0x7000 | (partition & 0xFFF)
    low = (0b10 << 62) | ((seq & (1 << 56) - 1) << 6) | (partition >> 12 & 0x3F)
    return high.to_bytes(8, "big") + low.to_bytes(8, "big")
