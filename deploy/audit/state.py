"""What the reference model's state is made of."""

from typing import Any, NamedTuple

from onhand.schemas.legs import LegLine
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import split_position


class Stock(NamedTuple):
    """The numbers of a position, in units; one that was never touched has zeros."""

    available: int = 0
    reserved: int = 0
    version: int = 0

    @property
    def total(self) -> int:
        """All that is there."""
        return self.available + self.reserved


class Use(NamedTuple):
    """Which use of an id an order or a transfer is: the hash of its body, and the clock of its first leg when that decided it."""

    body: int
    opened_at_ms: int

    def told(self, **more: Any) -> dict[str, Any]:
        """As decisions tell it, with what is remembered of it where that is given."""
        named = {name: value for name, value in more.items() if value is not None}
        return {"use": {"hash": self.body, "opened_at_ms": self.opened_at_ms} | named}


class OfOrder(NamedTuple):
    """What the hold of an order has beside.

    Its end is decided at partition `home`; None is this one, which then knows the partitions of the `others`, ascending.
    """

    opened_at_ms: int
    home: int | None
    lines: tuple[LegLine, ...]
    others: tuple[int, ...] = ()


class Hold(NamedTuple):
    """An active reservation. `body` is the hash of the reserve that made it; of an order, position and quantity are the first line's."""

    position: str
    quantity: int
    expires_at_ms: int
    body: int
    channel: str | None
    order_id: str | None
    order: OfOrder | None = None

    @property
    def lines(self) -> tuple[LegLine, ...]:
        """What is held in this partition."""
        return (LegLine(self.position, self.quantity, 0),) if self.order is None else self.order.lines

    @property
    def use(self) -> Use | None:
        """None of a one-line reservation, which never leaves its partition."""
        return None if self.order is None else Use(self.body, self.order.opened_at_ms)

    @property
    def is_home(self) -> bool:
        """Whether its end is decided in this partition."""
        return self.order is None or self.order.home is None


class Open(NamedTuple):
    """A dispatched transfer at its destination, in units. What is too much by the last arrival does not count as arrived."""

    body: int
    opened_at_ms: int
    shipped: int
    arrived: int
    source: str
    destination: str

    @property
    def use(self) -> Use:
        """Of the transfer's id."""
        return Use(self.body, self.opened_at_ms)


class Short(NamedTuple):
    """A line of a refused order that is not there."""

    line: int
    sku_id: str
    warehouse_id: int
    requested: int
    available_qty: int


class Memory(NamedTuple):
    """What was done under an id.

    `ended` is how a reservation ended, or `APPLIED` where a transfer has arrived; `position` and `lines` where it was. `opened_at_ms` is
    there of orders and transfers alone, whose quantity needs no memory: it is that of the same body. `short`: why an order was refused.
    """

    body: int
    outcome: Outcome
    quantity: int | None
    ended: Outcome | None = None
    position: str | None = None
    opened_at_ms: int | None = None
    lines: tuple[LegLine, ...] = ()
    short: tuple[Short, ...] = ()

    def line_at(self, position: str | None) -> LegLine | None:
        """The line of an ended reservation at that position."""
        if self.position is not None and self.position == position:
            return LegLine(self.position, self.quantity or 0, 0)
        return next((line for line in self.lines if line.position == position), None)


def lines_of(flat: list[Any]) -> tuple[LegLine, ...]:
    """Lines as the stores pack them: position, units, line ..."""
    return tuple(LegLine(*flat[at : at + 3]) for at in range(0, len(flat), 3))


def shorts_of(flat: list[Any]) -> tuple[Short, ...]:
    """Short lines as the stores pack them: line, position, requested, available ..."""
    rows = (flat[at : at + 4] for at in range(0, len(flat), 4))
    return tuple(Short(line, *split_position(position), requested, there) for line, position, requested, there in rows)
