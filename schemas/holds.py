"""Commands about reservations: make one, prolong it, sell or give back what it holds."""

from typing import Annotated, ClassVar, Literal, final

import msgspec

from onhand.schemas.fields import DEFAULT_TTL_MS, MAX_LINES, Channel, Quantity, SkuId, Text, TtlMs, WarehouseId
from onhand.schemas.positions import position_key
from onhand.schemas.verbs import CommandModel, OfReservation, Op


@final
class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One line of an order."""

    sku_id: SkuId
    warehouse_id: WarehouseId
    quantity: Quantity


@final
class Reserve(CommandModel, frozen=True, kw_only=True, tag="reserve"):
    """Hold units until `ttl_ms` from now: one position by `sku_id`, `warehouse_id`, `quantity`, or several by `lines`."""

    op: ClassVar[Op | None] = Op.RESERVE
    sku_id: SkuId | None = None
    warehouse_id: WarehouseId | None = None
    quantity: Quantity | None = None
    lines: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=MAX_LINES)] | None = None
    ttl_ms: TtlMs = DEFAULT_TTL_MS
    channel: Channel | None = None
    order_id: Text | None = None

    def __post_init__(self) -> None:
        """One line or lines. It is asked of every reserve that is read."""
        if self.lines is not None:
            if self.sku_id is not None or self.warehouse_id is not None or self.quantity is not None:
                raise ValueError("lines: not together with sku_id, warehouse_id, quantity")
        elif self.sku_id is None or self.warehouse_id is None or self.quantity is None:
            one = ("sku_id", "warehouse_id", "quantity")
            raise ValueError(f"{next(name for name in one if getattr(self, name) is None)}: is missing")

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


@final
class Extend(OfReservation, frozen=True, kw_only=True, tag="extend"):
    """Let an active reservation expire `ttl_ms` from now."""

    op: ClassVar[Op | None] = Op.EXTEND
    ttl_ms: TtlMs


@final
class Commit(OfReservation, frozen=True, kw_only=True, tag="commit"):
    """Sell what is reserved."""

    op: ClassVar[Op | None] = Op.COMMIT


@final
class Release(OfReservation, frozen=True, kw_only=True, tag="release"):
    """Give back what is reserved."""

    op: ClassVar[Op | None] = Op.RELEASE
    reason: Literal["id_reused"] | None = None
    """Of onhand's own, signed releases: why nobody asked for it."""


def reserve_use(units: dict[str, int]) -> str:
    """The use that a reserve of those units by position makes of its id."""
    return "reserve " + " ".join([f"{position}={units[position]}" for position in sorted(units)])
