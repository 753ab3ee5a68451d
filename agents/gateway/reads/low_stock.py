"""What is low and should be ordered."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.reads import examples
from onhand.agents.gateway.reads.bodies import LowStockPage
from onhand.agents.gateway.reads.pages import Limit, page
from onhand.agents.gateway.reads.ship_date import at_ms
from onhand.schemas.positions import position_key, split_position
from onhand.sql.low_stock import LowStockRow, low_stock

router = APIRouter(prefix="/inventory", tags=["stock levels"], dependencies=[scope("read")])

_CURSOR = r"^[A-Za-z0-9._-]{1,64}:[0-9]{1,5}$"


@router.get("/low-stock", response_model=LowStockPage, responses=examples.LOW_STOCK)
async def low(
    context: Ctx,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(pattern=_CURSOR, description="The `next_cursor` of the page before.")] = None,
) -> Response:
    """Positions at or below their reorder point, by SKU and warehouse. The suggestion is the reorder quantity and the units
    that were refused in the last seven days."""
    after = split_position(cursor) if cursor else ("", 0)
    today = at_ms(context.clock.now_ms()).date()
    rows = await low_stock(context.pool, today, after, limit + 1)
    return answer(page(rows, limit, lambda last: position_key(last.sku_id, last.warehouse_id), _told))


def _told(row: LowStockRow) -> dict[str, Any]:
    return {
        "sku_id": row.sku_id,
        "warehouse_id": row.warehouse_id,
        "available_qty": row.available,
        "reorder_point": row.reorder_point,
        "suggested_quantity": row.suggested,
    }
