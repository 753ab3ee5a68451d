"""Goods on the way: when the next of them are expected at a position."""

from collections.abc import Sequence
from typing import LiteralString

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
