"""When warehouses work."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Response

from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.reads import examples
from onhand.agents.gateway.reads.bodies import Warehouse, WarehouseBody
from onhand.sql.warehouses import Warehouse as WarehouseRow
from onhand.sql.warehouses import put_warehouse

router = APIRouter(prefix="/warehouses", tags=["warehouses"], dependencies=[scope("admin")])


@router.put("/{warehouse_id}", response_model=Warehouse, responses=examples.WAREHOUSE)
async def put(
    context: Ctx,
    warehouse_id: Annotated[int, Path(ge=1, le=32_767)],
    body: Annotated[WarehouseBody, Body(examples=[examples.WAREHOUSE_BODY])],
) -> Response:
    """Say when a warehouse works, which is what `estimated_ship_date` goes by; it replaces all that was said before."""
    days, holidays = frozenset(body.working_days), frozenset(body.holidays)
    row = WarehouseRow(warehouse_id, body.name, body.time_zone, days, holidays, body.cutoff_time, body.handling_days)
    await put_warehouse(context.pool, row)
    context.shelves.promises.changed(warehouse_id)
    kept = {"working_days": sorted(days), "holidays": sorted(holidays)}
    return answer({"warehouse_id": warehouse_id} | body.model_dump() | kept)
