"""What all commands have, and the verbs by number.

Structs of msgspec, since they are read for every record of the log. Reading checks every field to the letter: unknown fields are
refused, a number is no string and no truth. Making one by hand does not; `to_json` refuses what nobody could read.
"""

from enum import IntEnum
from typing import ClassVar

import msgspec

from onhand.schemas.fields import Id, Quantity, SkuId, Text, TimeMs, WarehouseId
from onhand.schemas.wording import encoded


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


class Tagged(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
    gc=False,
):
    """What is told from others by its `type`."""

    op: ClassVar[Op | None] = None
    """The verb's number at the gate; None where the verb is not supported yet."""

    @property
    def type(self) -> str:
        """The verb, as in the record."""
        tag: str = self.__struct_config__.tag  # type: ignore[assignment]  # text for every verb
        return tag

    def to_json(self) -> bytes:
        """The record value for Kafka; a ValueError ``field: reason`` where no reader would take it."""
        return encoded(self)


class CommandModel(Tagged, frozen=True, kw_only=True):
    """What all commands have."""

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


class Placed(CommandModel, frozen=True, kw_only=True):
    """A command about one position."""

    wish: ClassVar[tuple[str, ...]] = ()
    """The fields that, beside type and position, make a second use of the id the same use."""
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


class Moved(Placed, frozen=True, kw_only=True):
    """So many units of one position."""

    wish: ClassVar[tuple[str, ...]] = ("quantity",)
    quantity: Quantity

    @property
    def units(self) -> int:
        """The units that are wished for."""
        return self.quantity


class OfReservation(Placed, frozen=True, kw_only=True):
    """About a reservation, by the position of any of its lines."""

    wish: ClassVar[tuple[str, ...]] = ("reservation_id",)
    reservation_id: Id

    @property
    def target(self) -> str:
        """The reservation."""
        return self.reservation_id
