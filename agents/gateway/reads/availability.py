"""What is available, of one SKU or of many."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.fields import Channel, SkuId
from onhand.agents.gateway.reads import examples
from onhand.agents.gateway.reads.bodies import Availability, AvailabilityBody
from onhand.agents.gateway.straight import StraightRoute

router = APIRouter(prefix="/inventory", tags=["availability"], dependencies=[scope("read")], route_class=StraightRoute)


@router.get("/{sku_id}/availability", response_model=list[Availability], responses=examples.AVAILABILITY)
async def available(
    context: Ctx,
    sku_id: Annotated[SkuId, Path()],
    warehouse_id: Annotated[int | None, Query(ge=1, le=32_767)] = None,
    channel: Annotated[
        Channel | None, Query(description="Stock is one shared pool: every channel has all of it.")
    ] = None,
) -> Response:
    """Where the SKU is available, by warehouse. A warehouse of its own first stands here a second after its first unit came."""
    return answer((await context.shelves.of([sku_id], warehouse_id))[sku_id])


@router.post("/availability", response_model=dict[str, list[Availability]], responses=examples.AVAILABILITIES)
async def available_of_many(context: Ctx, body: AvailabilityBody) -> Response:
    """The same of up to 100 SKUs."""
    return answer(await context.shelves.of(body.sku_ids))
