"""Transfers on their way, as sums. A row of the ledger's `transfers` is written by the lanes of two partitions, whose decisions the audit
reads one partition after the other: what each adds is summed by destination, with a mark in which the order does not matter.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from onhand.deploy.audit.findings import Findings
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key

_MASK = (1 << 64) - 1

TransferUse = tuple[str, int, int]
"""A use of a transfer's id: the id, the clock at which its source decided it, and the hash of the command."""


class Way(NamedTuple):
    """Units on the way to one position. `mark`: a sum of hashes of who added what, that tells whether the rows are the same."""

    shipped: int = 0
    arrived: int = 0
    adjusted: int = 0
    undone: int = 0
    mark: int = 0

    @property
    def left(self) -> int:
        """Units that are in no warehouse; below 0 where the destination's ledger is ahead of the source's."""
        return self.shipped + self.adjusted - self.arrived - self.undone

    def __str__(self) -> str:
        sums = ", ".join(f"{name} {units}" for name, units in zip(self._fields, self[:4], strict=False))
        return f"{sums}, #{self.mark & 0xFFFF:04x}"


class Transit(defaultdict[str, Way]):
    """By destination (a position). Marks compare within one process only."""

    def __init__(self) -> None:
        super().__init__(Way)

    def ship(self, destination: str, use: TransferUse, units: int, *about: Any) -> None:
        """Units left their source; `about` is what else the row says of it."""
        self._add(destination, (*use, "shipped", *about), units, shipped=units)

    def arrive(self, destination: str, use: TransferUse, units: int, adjusted: int) -> None:
        """Units came; so many were found to be missing (negative) or too many."""
        self._add(destination, (*use, "arrived"), units, arrived=units)
        self._add(destination, (*use, "adjusted"), adjusted, adjusted=adjusted)

    def end(self, destination: str, use: TransferUse, status: str, undone: int = 0) -> None:
        """The row's status is not `open` any more; `undone` units went back to their source."""
        self._add(destination, (*use, status), 1, undone=undone)

    def _add(self, destination: str, who: tuple[Any, ...], times: int, **units: int) -> None:
        if not times:
            return
        way = self[destination]
        more = {name: getattr(way, name) + number for name, number in units.items()}
        self[destination] = way._replace(mark=(way.mark + hash(who) * times) & _MASK, **more)

    def join(self, other: Mapping[str, Way]) -> None:
        """Adds all that another partition has."""
        for destination, way in other.items():
            known = self[destination]
            sums = (mine + theirs for mine, theirs in zip(known, way, strict=True))
            joined = Way._make(sums)
            self[destination] = joined._replace(mark=joined.mark & _MASK)

    def enter(self, decision: dict[str, Any]) -> None:
        """An applied decision of type `transfer` or `arrive`."""
        destination, units = position_key(decision["sku_id"], decision["dest_warehouse"]), decision["quantity"]
        use = decision["transfer_id"], decision["use"]["opened_at_ms"], decision["use"]["hash"]
        if decision["type"] == "arrive":
            self.arrive(destination, use, units, decision.get("discrepancy", 0))
            if decision["final"]:
                self.end(destination, use, "ended")
        elif "id" not in decision:
            self.end(destination, use, "undone", units)
        elif decision["line"] == 0:
            about = decision["source_warehouse"], decision["mode"], decision.get("expected_at_ms")
            self.ship(destination, use, units, *about)
        elif decision["mode"] == "instant":
            self.arrive(destination, use, units, 0)
            self.end(destination, use, "ended")


def compare_transit(wanted: Transit, found: Transit, partitions: int, findings: Findings) -> None:
    """What all partitions decided against all rows, at the moment that the ledger shows."""
    for destination in wanted.keys() | found.keys():
        partition = partition_of(destination, partitions)
        findings.expect("ledger transfers", partition, destination, wanted[destination], found[destination])
