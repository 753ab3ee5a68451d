"""Legs: how a reserve over several positions is parted over partitions.

Lines are folded by position, legs go by ascending partition, the last is the home: it decides how the order ends.
"""

from typing import NamedTuple

from onhand.schemas.commands import Reserve
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key


class LegLine(NamedTuple):
    """Units of one position; `line` is the index of the first line of the order that names it."""

    position: str
    units: int
    line: int


class Leg(NamedTuple):
    """What one partition decides of an order, in one step: its lines, by ascending index."""

    partition: int
    lines: list[LegLine]


class Route(NamedTuple):
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
    def is_last(self) -> bool:
        """Whether this leg is the home."""
        return self.at == len(self.legs) - 1


def legs_of(order: Reserve, partitions: int) -> list[Leg]:
    """The legs of an order among so many partitions."""
    by_partition: dict[int, list[LegLine]] = {}
    for line in _folded(order).values():
        by_partition.setdefault(partition_of(line.position, partitions), []).append(line)
    return [Leg(partition, lines) for partition, lines in sorted(by_partition.items())]


def route_at(order: Reserve, partition: int, partitions: int) -> Route | None:
    """The order's way, seen from one of its partitions; None where that has no line of it."""
    legs = legs_of(order, partitions)
    at = next((index for index, leg in enumerate(legs) if leg.partition == partition), None)
    return None if at is None else Route(legs, at)


def _folded(order: Reserve) -> dict[str, LegLine]:
    folded: dict[str, LegLine] = {}
    for index, line in enumerate(order.lines or ()):
        position = position_key(line.sku_id, line.warehouse_id)
        known = folded.get(position)
        units, first = (known.units, known.line) if known else (0, index)
        folded[position] = LegLine(position, units + line.quantity, first)
    return folded
