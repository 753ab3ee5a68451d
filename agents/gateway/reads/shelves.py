"""What is available, and where: asked of the gate, and of the ledger while the gate cannot tell."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

import msgspec

from onhand.agents.gateway.reads.circuit import Circuit
from onhand.agents.gateway.reads.promises import Promises
from onhand.agents.gateway.reads.recent import Recent
from onhand.agents.ports import Clock
from onhand.lua.gate import Gate
from onhand.lua.gate.stock import Stock
from onhand.schemas.faults import Retryable
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key
from onhand.sql.pool import Pool
from onhand.sql.stock import StockRow, stock_of
from onhand.sql.transfers import Place

_GATE_PATIENCE_S = 0.3
_LEDGER_PATIENCE_S = 2.0
_MOST_SKUS = 200_000
"""SKUs whose warehouses are remembered: 100 MB at most, where each has a few."""

Source = Literal["gate", "ledger"]


class Shelf(msgspec.Struct):
    """A position, as callers are told."""

    warehouse_id: int
    available_qty: int
    estimated_ship_date: date | None
    version: int
    source: Source


class _Seen(NamedTuple):
    place: Place
    available: int
    version: int
    source: Source


class Shelves:
    """Availability for many callers at once."""

    def __init__(self, gate: Gate, pool: Pool, partitions: int, clock: Clock) -> None:
        self._gate = gate
        self._pool = pool
        self._partitions = partitions
        self._warehouses: Recent[str, list[int]] = Recent(clock, self._find_warehouses, _MOST_SKUS)
        self._ask_gate = Circuit("redis", clock, _GATE_PATIENCE_S)
        self._ask_ledger = Circuit("postgresql", clock, _LEDGER_PATIENCE_S)
        self.promises = Promises(pool, clock, self._ask_ledger)

    async def of(self, sku_ids: Iterable[str], warehouse_id: int | None = None) -> dict[str, list[Shelf]]:
        """The positions of each SKU by warehouse, or the one at `warehouse_id`; an empty list where there is none.

        `Retryable` where neither the gate nor the ledger can tell.
        """
        skus = list(dict.fromkeys(sku_ids))
        known = await self._warehouses.of(skus)
        wanted = _wanted(skus, known, warehouse_id)
        found = await self._at_gate(wanted)
        seen = [
            _Seen(place, *found[place], "gate")
            for place in wanted
            if place in found and (found[place].version or place[1] in known.get(place[0], ()))
        ]
        missing = [place for place in wanted if place not in found]
        return _by_sku(skus, await self._promised(seen + await self._in_ledger(missing)))

    async def _at_gate(self, places: Sequence[Place]) -> dict[Place, Stock]:
        """As far as the gate can tell: nothing while it is away, and nothing of a partition that is being rebuilt."""
        positions = {position_key(*place): place for place in places}
        by_partition: defaultdict[int, list[str]] = defaultdict(list)
        for position in positions:
            by_partition[partition_of(position, self._partitions)].append(position)
        try:
            found = await self._ask_gate.call(lambda: self._gate.stock(by_partition))
        except Retryable:  # noted by the circuit; the ledger is asked instead
            return {}
        return {positions[position]: stock for position, stock in found.items()}

    async def _in_ledger(self, places: Sequence[Place]) -> list[_Seen]:
        if not places:
            return []
        wanted = set(places)
        rows = await self._rows(list({sku_id for sku_id, _ in places}))
        return [_Seen(row[:2], row.available, row.version, "ledger") for row in rows if row[:2] in wanted]

    async def _find_warehouses(self, sku_ids: list[str]) -> dict[str, list[int]]:
        """One that nobody knows is not remembered: it may be received now."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for row in await self._rows(sku_ids):
            found[row.sku_id].append(row.warehouse_id)
        return found

    async def _rows(self, sku_ids: list[str]) -> list[StockRow]:
        return await self._ask_ledger.call(lambda: stock_of(self._pool, sku_ids))

    async def _promised(self, seen: list[_Seen]) -> list[tuple[str, Shelf]]:
        on_hand = [one.place for one in seen if one.available > 0]
        sold_out = [one.place for one in seen if one.available <= 0]
        try:
            dates = await self.promises.dates(on_hand, sold_out)
        except Retryable:  # noted by the circuit; what is available can be told without a date
            dates = {}
        return [
            (place[0], Shelf(place[1], available, dates.get(place), version, source))
            for place, available, version, source in seen
        ]


def _wanted(skus: list[str], known: Mapping[str, list[int]], warehouse_id: int | None) -> list[Place]:
    """All positions that the ledger knows; of one that was named the gate may know before it."""
    if warehouse_id is not None:
        return [(sku_id, warehouse_id) for sku_id in skus]
    return [(sku_id, id) for sku_id in skus for id in known.get(sku_id, ())]


def _by_sku(skus: list[str], shelves: list[tuple[str, Shelf]]) -> dict[str, list[Shelf]]:
    found: dict[str, list[Shelf]] = {sku_id: [] for sku_id in skus}
    for sku_id, shelf in shelves:
        found[sku_id].append(shelf)
    for of_sku in found.values():
        of_sku.sort(key=lambda shelf: shelf.warehouse_id)
    return found
