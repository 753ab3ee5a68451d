"""Goods on the way: which, and when the next of them are expected at a position."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

Place = tuple[str, int]
"""A SKU and a warehouse."""

_NEXT: LiteralString = """
SELECT t.sku_id, t.dest_warehouse, (extract(epoch FROM min(t.expected_at)) * 1000)::bigint
FROM unnest(%s::text[], %s::integer[]) u (sku, warehouse)
JOIN in_transit t ON t.sku_id = ANY (ARRAY[u.sku]) AND t.dest_warehouse = u.warehouse
WHERE t.quantity > 0 AND t.expected_at IS NOT NULL
GROUP BY t.sku_id, t.dest_warehouse
"""
"""Two parameters of the same length: SKUs and warehouses of the positions. One that nothing is expected at is just not there."""


async def next_arrivals(pool: Pool, places: Sequence[Place]) -> dict[Place, int]:
    """When, in epoch milliseconds, the next transfer that is on its way to each of those positions is expected."""
    skus, warehouses = [sku_id for sku_id, _ in places], [warehouse_id for _, warehouse_id in places]
    return {(sku_id, warehouse_id): at_ms for sku_id, warehouse_id, at_ms in await pool.rows(_NEXT, skus, warehouses)}


_PAGE: LiteralString = """
SELECT transfer_id::text, source_warehouse, dest_warehouse, quantity, (extract(epoch FROM expected_at) * 1000)::bigint,
       (extract(epoch FROM opened_at) * 1000)::bigint
FROM in_transit WHERE sku_id = %s AND transfer_id > %s ORDER BY transfer_id, opened_at LIMIT %s
"""
"""Three parameters: the SKU, the transfer before the page, the page's length. All that is open of the SKU is read and sorted."""
_FIRST = "00000000-0000-0000-0000-000000000000"


class InTransitRow(NamedTuple):
    """A transfer of a SKU that is on its way, with the units that still are."""

    transfer_id: str
    source_warehouse: int
    dest_warehouse: int
    quantity: int
    expected_at_ms: int | None
    opened_at_ms: int


async def in_transit(pool: Pool, sku_id: str, after: str | None = None, limit: int = 100) -> list[InTransitRow]:
    """Transfers of the SKU that are on their way, behind the transfer `after`, by id, at most `limit`."""
    return [InTransitRow(*row) for row in await pool.rows(_PAGE, sku_id, after or _FIRST, limit)]
