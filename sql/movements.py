"""The history of a position: rows of `stock_movements`, page by page."""

from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_COLUMNS: LiteralString = """
movement_id::text, sku_id, source_warehouse, dest_warehouse, quantity, movement_type::text, reference_id,
(extract(epoch FROM created_at) * 1000)::bigint
"""
_PAGE: LiteralString = f"""
WITH page AS (
    (SELECT * FROM stock_movements
     WHERE sku_id = %(sku)s AND source_warehouse = %(warehouse)s AND movement_id < %(before)s
     ORDER BY movement_id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM stock_movements
     WHERE sku_id = %(sku)s AND dest_warehouse = %(warehouse)s AND movement_id < %(before)s
     ORDER BY movement_id DESC LIMIT %(limit)s)
    ORDER BY movement_id DESC LIMIT %(limit)s)
SELECT {_COLUMNS} FROM page
"""
"""Each half is read from its own index, newest first, and no further than a page. No row is in both: a transfer goes elsewhere."""
_NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class MovementRow(NamedTuple):
    """A movement as users may read it; an adjust's quantity is signed."""

    movement_id: str
    sku_id: str
    source_warehouse: int | None
    dest_warehouse: int | None
    quantity: int
    movement_type: str
    reference_id: str | None
    created_at_ms: int


async def movements(
    pool: Pool, sku_id: str, warehouse_id: int, before: str | None = None, limit: int = 100
) -> list[MovementRow]:
    """Movements of a position, newest first, at most `limit`; only those older than the movement `before`."""
    values = {"sku": sku_id, "warehouse": warehouse_id, "before": before or _NEWEST, "limit": limit}
    async with pool.connection() as connection:
        cursor = await connection.execute(_PAGE, values, prepare=True)
        return [MovementRow(*row) for row in await cursor.fetchall()]
