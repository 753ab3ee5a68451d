"""Commands that move, count and correct stock, and say when it is low."""

from typing import ClassVar, Literal, final

from onhand.schemas.fields import Channel, Delta, Id, QuantityOrZero, Text, TimeMs, WarehouseId
from onhand.schemas.verbs import Moved, Op, Placed


@final
class Receive(Moved, frozen=True, kw_only=True, tag="receive"):
    """Units came in."""

    op: ClassVar[Op | None] = Op.RECEIVE


@final
class Return(Moved, frozen=True, kw_only=True, tag="return"):
    """Units came back from a buyer."""

    op: ClassVar[Op | None] = Op.RETURN


@final
class Ship(Moved, frozen=True, kw_only=True, tag="ship"):
    """A direct sale, without a reservation."""

    op: ClassVar[Op | None] = Op.SHIP
    channel: Channel | None = None


@final
class Adjust(Placed, frozen=True, kw_only=True, tag="adjust"):
    """A correction by `delta` units, for a `reason`."""

    op: ClassVar[Op | None] = Op.ADJUST
    wish: ClassVar[tuple[str, ...]] = ("delta",)
    delta: Delta
    reason: Text

    def __post_init__(self) -> None:
        """Of some units."""
        if self.delta == 0:
            raise ValueError("delta: must not be 0")

    @property
    def units(self) -> int:
        """The units that are wished for, signed."""
        return self.delta


@final
class SetReorder(Placed, frozen=True, kw_only=True, tag="set_reorder"):
    """The point at or below which stock is low, and how much is ordered then."""

    op: ClassVar[Op | None] = Op.SET_REORDER
    reorder_point: QuantityOrZero
    reorder_quantity: QuantityOrZero


@final
class Count(Placed, frozen=True, kw_only=True, tag="count"):
    """A cycle count: so many units are there, the reserved ones among them."""

    op: ClassVar[Op | None] = Op.COUNT
    wish: ClassVar[tuple[str, ...]] = ("counted_qty",)
    counted_qty: QuantityOrZero

    @property
    def units(self) -> int:
        """The units that were counted; what moves is the difference to what is there."""
        return self.counted_qty


@final
class Transfer(Moved, frozen=True, kw_only=True, tag="transfer"):
    """Units go to another warehouse."""

    op: ClassVar[Op | None] = Op.TRANSFER
    wish: ClassVar[tuple[str, ...]] = ("quantity", "to_warehouse_id")
    to_warehouse_id: WarehouseId
    mode: Literal["instant", "dispatch"] = "instant"
    expected_at_ms: TimeMs | None = None

    def __post_init__(self) -> None:
        """To another place."""
        if self.to_warehouse_id == self.warehouse_id:
            raise ValueError("to_warehouse_id: must be another warehouse")

    @property
    def destination(self) -> str:
        """The position that the units go to."""
        return f"{self.sku_id}:{self.to_warehouse_id}"


@final
class Arrive(Placed, frozen=True, kw_only=True, tag="arrive"):
    """Units of a dispatched transfer came in; its position is the destination."""

    op: ClassVar[Op | None] = Op.ARRIVE
    wish: ClassVar[tuple[str, ...]] = ("quantity", "transfer_id")
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
