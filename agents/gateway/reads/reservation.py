"""A reservation, looked up."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.fields import Id
from onhand.agents.gateway.problems import Problem
from onhand.agents.gateway.reads import examples
from onhand.agents.gateway.reads.bodies import Reservation
from onhand.schemas.events import rfc3339
from onhand.sql.reserved import ReservedLine

router = APIRouter(prefix="/reservations", tags=["reservations"], dependencies=[scope("read")])


@router.get("/{reservation_id}", response_model=Reservation, responses=examples.RESERVATION)
async def look_up(context: Ctx, reservation_id: Annotated[Id, Path()]) -> Response:
    """How the reservation stands in the ledger, its lines in order. One that was just made is waited for."""
    async with context.desk.in_time(reservation_id=reservation_id):
        lines = await context.finder.all_lines(reservation_id)
    if not lines:
        raise Problem(404, "not-found", "there is no such reservation", reservation_id=reservation_id)
    return answer(told(reservation_id, lines))


def told(reservation_id: str, lines: list[ReservedLine]) -> dict[str, Any]:
    """The answer. A line of the home decides for all, the others follow a moment later; what does not apply is left out."""
    deciding = next((line for line in lines if line.partition == line.home), lines[0])
    whole = {
        "reservation_id": reservation_id,
        "status": deciding.status,
        "ended_as": deciding.ended_as,
        "expires_at": rfc3339(deciding.expires_at_ms),
        "order_id": deciding.order_id,
        "channel": deciding.channel,
        "lines": [{name: getattr(line, name) for name in _OF_A_LINE} for line in lines],
    }
    return {name: value for name, value in whole.items() if value is not None}


_OF_A_LINE = ("sku_id", "warehouse_id", "quantity", "status")
