"""Movements of stock, and when stock counts as low."""

from contextlib import AsyncExitStack
from typing import Annotated, Any, get_args

import msgspec
from fastapi import APIRouter, Body, Path, Request, Response

from onhand.agents.gateway import examples
from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer, refusal, told
from onhand.agents.gateway.bodies import Reorder, ReorderBody
from onhand.agents.gateway.calls import command_id, trace
from onhand.agents.gateway.context import Ctx
from onhand.agents.gateway.fields import SkuId
from onhand.agents.gateway.locking import held, holder_name, to_lock
from onhand.agents.gateway.problems import malformed
from onhand.agents.gateway.straight import StraightRoute
from onhand.schemas.codec import decode_command, verb_of
from onhand.schemas.commands import (
    Adjust,
    Arrive,
    Count,
    Receive,
    Return,
    SetReorder,
    Ship,
    Transfer,
)
from onhand.schemas.ids import new_id

router = APIRouter(prefix="/inventory", tags=["movements"], route_class=StraightRoute)

Movement = Receive | Return | Ship | Adjust | Count | Transfer | Arrive
TYPES = tuple(verb_of(model) for model in get_args(Movement))


@router.post(
    "/movements", dependencies=[scope("move")], responses=examples.MOVEMENTS, openapi_extra=examples.MOVEMENT_BODY
)
async def move(request: Request, body: Annotated[dict[str, Any], Body()], context: Ctx) -> Response:
    """Do a movement; the answer is its complete decision. Of a transfer or a count, `locked` tells whether it was done under locks."""
    command = movement(body, command_id(request))
    locked: dict[str, bool] = {}
    async with AsyncExitStack() as holding:
        if positions := to_lock(command):
            name = holder_name(request.state.holder.id, command.actor)
            lease = await holding.enter_async_context(held(context.locks, positions, name))
            locked = {"locked": lease.locked}
        decision = (await context.desk.decide(command, trace(request)))[-1]
    if decision.outcome != "applied":
        raise refusal(decision, decision=told(decision), **locked)
    return answer(told(decision) | locked, replayed=decision.replayed)


@router.put(
    "/{sku_id}/{warehouse_id}/reorder-point",
    dependencies=[scope("admin")],
    response_model=Reorder,
    responses=examples.REORDER,
)
async def set_reorder(
    request: Request,
    sku_id: Annotated[SkuId, Path()],
    warehouse_id: Annotated[int, Path(ge=1, le=32_767)],
    body: Annotated[ReorderBody, Body(openapi_examples=examples.REORDER_BODY)],
    context: Ctx,
) -> Response:
    """Say when stock of a position counts as low, and how much is ordered then."""
    wish: dict[str, Any] = {"sku_id": sku_id, "warehouse_id": warehouse_id} | body.model_dump()
    decision = (await context.desk.decide(SetReorder(id=new_id(), **wish), trace(request)))[-1]
    if decision.outcome != "applied":
        raise refusal(decision, decision=told(decision))
    return answer(wish)


def movement(body: dict[str, Any], id: str) -> Movement:
    """The command in a body, under that id where it has none; `Malformed` or a 422 where there is none."""
    if body.get("type") not in TYPES:
        raise malformed(f"type: is not one of {', '.join(TYPES)}")
    fields = {"id": id} | {name: field for name, field in body.items() if field is not None}
    command = decode_command(msgspec.json.encode(fields))
    assert isinstance(command, Movement)  # its type is one of theirs
    return command
