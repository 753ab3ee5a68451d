"""Commands: the wishes that stand in `inventory.commands`, one model for each type, strict to the letter."""

from enum import IntEnum
from typing import Annotated, ClassVar, Literal, Self, final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onhand.schemas.positions import MAX_QUANTITY, position_key

DEFAULT_TTL_MS = 600_000
MAX_LINES = 100

SkuId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
WarehouseId = Annotated[int, Field(ge=1, le=32_767)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
QuantityOrZero = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
Delta = Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Channel = Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,32}$")]
Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,128}$")]
TtlMs = Annotated[int, Field(ge=1_000, le=86_400_000)]
TimeMs = Annotated[int, Field(ge=0, le=253_402_300_799_999)]
Percent = Annotated[int, Field(ge=0, le=100)]


class Op(IntEnum):
    """The verbs by the number that the gate's script knows them by."""

    INVALID = 0
    RESERVE = 1
    EXTEND = 2
    COMMIT = 3
    RELEASE = 4
    RECEIVE = 5
    RETURN = 6
    SHIP = 7
    ADJUST = 8
    SET_REORDER = 9
    COUNT = 10
    TRANSFER = 11
    ARRIVE = 12
    ORDER = 13
    """A reserve over several positions, from its client or as a hop."""
    ARRIVAL = 14
    UNDO_ORDER = 15
    UNDO_TRANSFER = 16
    SETTLE = 17
    PASS = 18
    """What belongs to another partition and is passed on to it."""
    UNPLACED = 19
    SWEEP = 20


class StrictModel(BaseModel):
    """What is read to the letter: unknown fields are refused, a number is no string, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, regex_engine="rust-regex")


class CommandModel(StrictModel):
    """What all commands have."""

    op: ClassVar[Op | None] = None
    """The verb's number at the gate; None where the verb is not supported yet."""

    id: Id
    actor: Text | None = None
    reference_id: Text | None = None
    issued_at_ms: TimeMs | None = None

    @property
    def units(self) -> int | None:
        """The units that are wished for, an adjust's signed; None for verbs that move none."""
        return None

    @property
    def target(self) -> str | None:
        """The reservation or transfer that it is about, where that is another id than its own."""
        return None

    def to_json(self) -> bytes:
        """The record value for Kafka."""
        return self.model_dump_json(exclude_none=True).encode()


class _At(CommandModel):
    """A command about one position."""

    wish: ClassVar[tuple[str, ...]] = ()
    """The fields that, beside type and position, make a second use of the id the same use."""
    type: str
    sku_id: SkuId
    warehouse_id: WarehouseId

    @property
    def position(self) -> str:
        """``SKU:warehouse``, the record's key."""
        return f"{self.sku_id}:{self.warehouse_id}"

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use: type, position, quantity, reservation, destination."""
        return " ".join([self.type, self.position, *[str(getattr(self, name)) for name in self.wish]])


class _Moved(_At):
    wish: ClassVar[tuple[str, ...]] = ("quantity",)
    quantity: Quantity

    @property
    def units(self) -> int:
        """The units that are wished for."""
        return self.quantity


class _OfReservation(_At):
    wish: ClassVar[tuple[str, ...]] = ("reservation_id",)
    reservation_id: Id

    @property
    def target(self) -> str:
        """The reservation."""
        return self.reservation_id


class Line(StrictModel):
    """One line of an order."""

    sku_id: SkuId
    warehouse_id: WarehouseId
    quantity: Quantity


class Reserve(CommandModel):
    """Hold units until `ttl_ms` from now: one position by `sku_id`, `warehouse_id`, `quantity`, or several by `lines`."""

    op: ClassVar[Op | None] = Op.RESERVE
    type: Literal["reserve"] = "reserve"
    sku_id: SkuId | None = None
    warehouse_id: WarehouseId | None = None
    quantity: Quantity | None = None
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_LINES, strict=False)] | None = None
    ttl_ms: TtlMs = DEFAULT_TTL_MS
    channel: Channel | None = None
    order_id: Text | None = None

    @model_validator(mode="after")
    def _one_line_or_lines(self) -> Self:
        sku_id, warehouse_id, quantity = self.sku_id, self.warehouse_id, self.quantity
        if self.lines is not None:
            if sku_id is not None or warehouse_id is not None or quantity is not None:
                raise ValueError("lines: not together with sku_id, warehouse_id, quantity")
        elif sku_id is None or warehouse_id is None or quantity is None:
            missing = "sku_id" if sku_id is None else "warehouse_id" if warehouse_id is None else "quantity"
            raise ValueError(f"{missing}: is missing")
        return self

    @property
    def units(self) -> int:
        """The units that are wished for, over all lines."""
        return self.quantity if self.quantity is not None else sum(line.quantity for line in self.lines or ())

    @property
    def position(self) -> str:
        """The record's key: the position of the (first) line."""
        first = self.lines[0] if self.lines else self
        return f"{first.sku_id}:{first.warehouse_id}"

    def folded(self) -> dict[str, int]:
        """Units by position; lines of the same position count as one."""
        if self.lines is None:
            return {self.position: self.quantity or 0}
        units: dict[str, int] = {}
        for line in self.lines:
            key = position_key(line.sku_id, line.warehouse_id)
            units[key] = units.get(key, 0) + line.quantity
        return units

    @property
    def use(self) -> str:
        """What makes a second use of the id the same use: positions and units."""
        if self.lines is None:
            return f"reserve {self.sku_id}:{self.warehouse_id}={self.quantity}"
        return reserve_use(self.folded())


class Extend(_OfReservation):
    """Let an active reservation expire `ttl_ms` from now."""

    op: ClassVar[Op | None] = Op.EXTEND
    type: Literal["extend"] = "extend"
    ttl_ms: TtlMs


class Commit(_OfReservation):
    """Sell what is reserved."""

    op: ClassVar[Op | None] = Op.COMMIT
    type: Literal["commit"] = "commit"


class Release(_OfReservation):
    """Give back what is reserved."""

    op: ClassVar[Op | None] = Op.RELEASE
    type: Literal["release"] = "release"
    reason: Literal["id_reused"] | None = None
    """Of onhand's own, signed releases: why nobody asked for it."""


class Receive(_Moved):
    """Units came in."""

    op: ClassVar[Op | None] = Op.RECEIVE
    type: Literal["receive"] = "receive"


class Return(_Moved):
    """Units came back from a buyer."""

    op: ClassVar[Op | None] = Op.RETURN
    type: Literal["return"] = "return"


class Ship(_Moved):
    """A direct sale, without a reservation."""

    op: ClassVar[Op | None] = Op.SHIP
    type: Literal["ship"] = "ship"
    channel: Channel | None = None


class Adjust(_At):
    """A correction by `delta` units, for a `reason`."""

    op: ClassVar[Op | None] = Op.ADJUST
    wish: ClassVar[tuple[str, ...]] = ("delta",)
    type: Literal["adjust"] = "adjust"
    delta: Delta
    reason: Text

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.delta == 0:
            raise ValueError("delta: must not be 0")
        return self

    @property
    def units(self) -> int:
        """The units that are wished for, signed."""
        return self.delta


class SetReorder(_At):
    """The point at or below which stock is low, and how much is ordered then."""

    op: ClassVar[Op | None] = Op.SET_REORDER
    type: Literal["set_reorder"] = "set_reorder"
    reorder_point: QuantityOrZero
    reorder_quantity: QuantityOrZero


class Count(_At):
    """A cycle count: so many units are there, the reserved ones among them."""

    op: ClassVar[Op | None] = Op.COUNT
    wish: ClassVar[tuple[str, ...]] = ("counted_qty",)
    type: Literal["count"] = "count"
    counted_qty: QuantityOrZero

    @property
    def units(self) -> int:
        """The units that were counted; what moves is the difference to what is there."""
        return self.counted_qty


class Transfer(_Moved):
    """Units go to another warehouse."""

    op: ClassVar[Op | None] = Op.TRANSFER
    wish: ClassVar[tuple[str, ...]] = ("quantity", "to_warehouse_id")
    type: Literal["transfer"] = "transfer"
    to_warehouse_id: WarehouseId
    mode: Literal["instant", "dispatch"] = "instant"
    expected_at_ms: TimeMs | None = None

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        if self.to_warehouse_id == self.warehouse_id:
            raise ValueError("to_warehouse_id: must be another warehouse")
        return self

    @property
    def destination(self) -> str:
        """The position that the units go to."""
        return f"{self.sku_id}:{self.to_warehouse_id}"


class Arrive(_At):
    """Units of a dispatched transfer came in; its position is the destination."""

    op: ClassVar[Op | None] = Op.ARRIVE
    wish: ClassVar[tuple[str, ...]] = ("quantity", "transfer_id")
    type: Literal["arrive"] = "arrive"
    transfer_id: Id
    quantity: QuantityOrZero
    final: bool = True

    @property
    def units(self) -> int:
        """The units that came in."""
        return self.quantity

    @property
    def target(self) -> str:
        """The transfer."""
        return self.transfer_id


class Allocate(_At):
    """Split what is available over channels by percent."""

    type: Literal["allocate"] = "allocate"
    ratios: dict[Channel, Percent]

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        if sum(self.ratios.values()) > 100:
            raise ValueError("ratios: add up to more than 100")
        return self


class Rebalance(_At):
    """Move unsold units between the channels by demand."""

    type: Literal["rebalance"] = "rebalance"
    demand: dict[Channel, QuantityOrZero]
    floor: QuantityOrZero = 0


class Shard(_At):
    """Spread what is available over virtual shards of a hot SKU."""

    type: Literal["shard"] = "shard"
    shards: Annotated[int, Field(ge=1, le=64)]


@final
class Sweep(StrictModel):
    """The sweeper's own: end what expired at or before the clock. Stands in the partition it is about, without a key."""

    op: ClassVar[Op | None] = Op.SWEEP
    type: Literal["sweep"] = "sweep"

    @property
    def use(self) -> str:
        """A sweep has no id."""
        return "sweep"

    def to_json(self) -> bytes:
        """The record value for Kafka."""
        return b'{"type":"sweep"}'


Command = (
    Reserve | Extend | Commit | Release | Receive | Return | Ship | Adjust | SetReorder
    | Count | Transfer | Arrive | Allocate | Rebalance | Shard | Sweep
)  # fmt: skip


def reserve_use(units: dict[str, int]) -> str:
    """The use that a reserve of those units by position makes of its id."""
    return "reserve " + " ".join([f"{position}={units[position]}" for position in sorted(units)])
