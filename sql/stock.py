"""What is on hand, as the ledger has it: the answer while the gate is away, and the list of a SKU's warehouses at any time."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_STOCK: LiteralString = """
SELECT sku_id, warehouse_id, available_qty, version FROM inventory
WHERE sku_id = ANY (%s) ORDER BY sku_id, warehouse_id
"""
"""One parameter: SKUs. A SKU that no row has is just not there."""


class StockRow(NamedTuple):
    """A position of the ledger; `available` in units."""

    sku_id: str
    warehouse_id: int
    available: int
    version: int


async def stock_of(pool: Pool, sku_ids: Sequence[str]) -> list[StockRow]:
    """Every position of those SKUs, in order; one query. Faults as those of `Pool`."""
    return [StockRow(*row) for row in await pool.rows(_STOCK, list(sku_ids))]
