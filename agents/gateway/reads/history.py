"""The movements of a position, newest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.fields import Id, SkuId
from onhand.agents.gateway.reads import examples
from onhand.agents.gateway.reads.bodies import MovementPage
from onhand.agents.gateway.reads.pages import Limit, page
from onhand.schemas.events import rfc3339
from onhand.sql.movements import MovementRow, movements

router = APIRouter(prefix="/inventory", tags=["movements"], dependencies=[scope("read")])


@router.get("/{sku_id}/{warehouse_id}/movements", response_model=MovementPage, responses=examples.MOVEMENTS)
async def history(
    context: Ctx,
    sku_id: Annotated[SkuId, Path()],
    warehouse_id: Annotated[int, Path(ge=1, le=32_767)],
    limit: Limit = 100,
    cursor: Annotated[Id | None, Query(description="The `next_cursor` of the page before.")] = None,
) -> Response:
    """What came to the position and what left it; empty where nothing ever did."""
    rows = await movements(context.pool, sku_id, warehouse_id, cursor, limit + 1)
    return answer(page(rows, limit, lambda last: last.movement_id, _told))


def _told(row: MovementRow) -> dict[str, Any]:
    *columns, created_at_ms = row
    names = MovementRow._fields[:-1]
    return dict(zip(names, columns, strict=True)) | {"created_at": rfc3339(created_at_ms)}
