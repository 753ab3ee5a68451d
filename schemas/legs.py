"""Legs: how a reserve over several positions is parted over partitions.

Lines are folded by position, legs go by ascending partition, the last is the home: it decides how the order ends.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from onhand.schemas.codec import use_hash
from onhand.schemas.commands import Op, Reserve, reserve_use
from onhand.schemas.partitioner import partition_of
from onhand.schemas.words import Whole


class LegLine(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Units of one position; `line` is the index of the first line of the order that names it. In JSON a list of the three."""

    position: str
    units: Whole
    line: Whole

    def __iter__(self) -> Iterator[Any]:
        return iter((self.position, self.units, self.line))


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A reserve over several positions, folded; `hash` is that of its use of the id. Slips carry it so."""

    op: ClassVar[Op] = Op.ORDER
    id: str
    lines: list[LegLine]
    hash: Whole
    ttl_ms: Whole
    channel: str | None = None
    order_id: str | None = None
    reference_id: str | None = None
    actor: str | None = None

    @property
    def type(self) -> str:
        """It is a reserve."""
        return "reserve"

    @property
    def position(self) -> str:
        """That of the first line."""
        return self.lines[0].position


class Leg(msgspec.Struct, frozen=True, gc=False):
    """What one partition decides of an order, in one step: its lines, by ascending index."""

    partition: int
    lines: list[LegLine]


class Route(msgspec.Struct, frozen=True, gc=False):
    """An order's legs, in the order in which they are decided, and the index of the one that a record is about."""

    legs: list[Leg]
    at: int

    @property
    def leg(self) -> Leg:
        """The leg that the record is about."""
        return self.legs[self.at]

    @property
    def home(self) -> int:
        """The partition that decides how the order ends."""
        return self.legs[-1].partition

    @property
    def partitions(self) -> list[int]:
        """Of all legs."""
        return [leg.partition for leg in self.legs]

    @property
    def is_last(self) -> bool:
        """Whether this leg is the home."""
        return self.at == len(self.legs) - 1


def order_of(reserve: Reserve) -> Order | None:
    """The order that a reserve with lines is; None where they are all of one position."""
    lines: list[LegLine] = []
    units: dict[str, int] = {}
    for index, line in enumerate(reserve.lines or ()):
        position, quantity = f"{line.sku_id}:{line.warehouse_id}", line.quantity
        if position in units:
            units[position] += quantity
        else:
            units[position] = quantity
            lines.append(LegLine(position, quantity, index))
    if len(lines) < 2:
        return None
    if len(lines) < len(reserve.lines or ()):
        lines = [LegLine(line.position, units[line.position], line.line) for line in lines]
    return Order(
        id=reserve.id,
        lines=lines,
        hash=use_hash(reserve_use(units)),
        ttl_ms=reserve.ttl_ms,
        channel=reserve.channel,
        order_id=reserve.order_id,
        reference_id=reserve.reference_id,
        actor=reserve.actor,
    )


def legs_of(order: Order, partitions: int) -> list[Leg]:
    """The legs of an order among so many partitions."""
    by_partition: dict[int, list[LegLine]] = {}
    for line in order.lines:
        by_partition.setdefault(partition_of(line.position, partitions), []).append(line)
    return [Leg(partition, lines) for partition, lines in sorted(by_partition.items())]


def route_at(order: Order, partition: int, partitions: int) -> Route | None:
    """The order's way, seen from one of its partitions; None where that has no line of it."""
    legs = legs_of(order, partitions)
    for at, leg in enumerate(legs):
        if leg.partition == partition:
            return Route(legs, at)
    return None
