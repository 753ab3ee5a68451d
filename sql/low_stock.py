"""Positions at or below their reorder point, page by page."""

from datetime import date, timedelta
from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_DAYS = 7
"""So many days of refused units are suggested besides the reorder quantity: today and the six before, as `ledger_crossing` has it."""
_PAGE: LiteralString = """
WITH page AS (
    SELECT sku_id, warehouse_id FROM low_stock WHERE (sku_id, warehouse_id) > (%(sku)s, %(warehouse)s)
    ORDER BY sku_id, warehouse_id LIMIT %(limit)s)
SELECT i.sku_id, i.warehouse_id, i.available_qty, i.reorder_point, i.reorder_quantity + (
    SELECT coalesce(sum(units), 0) FROM refused_units r
    WHERE r.partition = i.partition AND r.day = ANY (%(days)s) AND r.sku_id = i.sku_id AND r.warehouse_id = i.warehouse_id
)::bigint
FROM page CROSS JOIN LATERAL (
    SELECT * FROM inventory WHERE sku_id = page.sku_id AND warehouse_id = page.warehouse_id OFFSET 0) i
ORDER BY i.sku_id, i.warehouse_id
"""
"""Four parameters: the position before the page, the page's length, the days whose refused units count. `OFFSET 0` keeps the rows of
a page from being joined with the whole table."""


class LowStockRow(NamedTuple):
    """A position that is low; quantities in units."""

    sku_id: str
    warehouse_id: int
    available: int
    reorder_point: int
    suggested: int


async def low_stock(pool: Pool, today: date, after: tuple[str, int] = ("", 0), limit: int = 100) -> list[LowStockRow]:
    """Low positions behind the position `after`, by SKU and warehouse, at most `limit`. `today` is UTC's."""
    days = [today - timedelta(days=back) for back in range(_DAYS)]
    values = {"sku": after[0], "warehouse": after[1], "limit": limit, "days": days}
    async with pool.connection() as connection:
        cursor = await connection.execute(_PAGE, values, prepare=True)
        return [LowStockRow(*row) for row in await cursor.fetchall()]
