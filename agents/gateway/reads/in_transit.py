"""Units that left a warehouse and are not in another yet."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.fields import Id, SkuId
from onhand.agents.gateway.reads import examples
from onhand.agents.gateway.reads.bodies import InTransitPage
from onhand.agents.gateway.reads.pages import Limit, page
from onhand.schemas.events import rfc3339
from onhand.sql.transfers import InTransitRow, in_transit

router = APIRouter(prefix="/inventory", tags=["stock levels"], dependencies=[scope("read")])


@router.get("/{sku_id}/in-transit", response_model=InTransitPage, responses=examples.IN_TRANSIT)
async def on_the_way(
    context: Ctx,
    sku_id: Annotated[SkuId, Path()],
    limit: Limit = 100,
    cursor: Annotated[Id | None, Query(description="The `next_cursor` of the page before.")] = None,
) -> Response:
    """Transfers of the SKU that are on their way, by id; empty where nothing is."""
    rows = await in_transit(context.pool, sku_id, cursor, limit + 1)
    return answer(page(rows, limit, lambda last: last.transfer_id, _told))


def _told(row: InTransitRow) -> dict[str, Any]:
    *columns, expected_at_ms, opened_at_ms = row
    times = {
        "expected_at": None if expected_at_ms is None else rfc3339(expected_at_ms),
        "opened_at": rfc3339(opened_at_ms),
    }
    return dict(zip(InTransitRow._fields[:4], columns, strict=True)) | times
