"""Reserve, commit, release, extend."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from onhand.agents.gateway import examples
from onhand.agents.gateway.access import scope
from onhand.agents.gateway.answers import answer, refusal, short_lines
from onhand.agents.gateway.bodies import (
    DEFAULT_TTL_S,
    ExtendBody,
    Line,
    OfReservation,
    ReserveBody,
    Reserved,
    ReserveOrder,
    Status,
)
from onhand.agents.gateway.calls import command_id, trace
from onhand.agents.gateway.context import Context, Ctx
from onhand.agents.gateway.finder import Place, place_in
from onhand.agents.gateway.problems import Problem
from onhand.agents.gateway.straight import StraightRoute
from onhand.schemas import commands
from onhand.schemas.commands import Commit, Extend, Release, Reserve
from onhand.schemas.decisions import Decision
from onhand.schemas.events import rfc3339
from onhand.schemas.positions import split_position
from onhand.sql.reserved import ReservedLine

router = APIRouter(
    prefix="/inventory", tags=["reservations"], dependencies=[scope("reserve")], route_class=StraightRoute
)

OneReservation = Annotated[OfReservation, Body(openapi_examples=examples.OF_RESERVATION)]
_ENDED = {"committed": "already_committed", "released": "already_released", "expired": "already_expired"}
_TOLD_S = 1.0
"""After that the ledger is asked, should its event have been missed."""


@router.post("/reserve", status_code=201, response_model=Reserved, responses=examples.RESERVE)
async def reserve(
    request: Request, body: Annotated[ReserveBody, Body(openapi_examples=examples.RESERVE_BODY)], context: Ctx
) -> Response:
    """Hold units of every line until they expire, or of none."""
    order = body if isinstance(body, ReserveOrder) else ReserveOrder(lines=body)
    ttl_s = order.ttl_s or DEFAULT_TTL_S
    command = _reserve(order, order.reservation_id or command_id(request), ttl_s * 1_000)
    decision = (await context.desk.decide(command, trace(request)))[-1]
    if decision.outcome != "reserved":
        raise refusal(decision, reservation_id=command.id, lines=short_lines(decision))
    context.finder.remember(command)
    stands = await _stands(context, command.id, decision)
    told = {"reservation_id": command.id, "ttl_s": ttl_s, "lines": [line.model_dump() for line in order.lines]}
    return answer(told | stands, 201, decision.replayed)


@router.post("/commit", response_model=Status, responses=examples.COMMIT)
async def commit(request: Request, body: OneReservation, context: Ctx) -> Response:
    """Sell what is reserved. Answered once the ledger has it."""
    place = await _place(context, body.reservation_id)
    if isinstance(place, list):
        return _ended(body.reservation_id, place, "committed")
    command = Commit(id=command_id(request), reservation_id=body.reservation_id, **_at(place))
    in_time = context.desk.in_time(reservation_id=body.reservation_id)
    with context.desk.committed.of(body.reservation_id) as told:
        async with in_time:
            decision = (await context.desk.decide(command, trace(request)))[-1]
            if decision.outcome not in ("committed", "already_committed"):
                return await _not_done(context, body.reservation_id, decision, "committed")
            fresh = decision.outcome == "committed" and not decision.replayed
            await _durable(context, body.reservation_id, place, fresh, told)
    return answer({"reservation_id": body.reservation_id, "status": "committed"}, replayed=decision.replayed)


@router.post("/release", response_model=Status, responses=examples.RELEASE)
async def release(request: Request, body: OneReservation, context: Ctx) -> Response:
    """Give back what is reserved."""
    place = await _place(context, body.reservation_id)
    if isinstance(place, list):
        return _ended(body.reservation_id, place, "released")
    command = Release(id=command_id(request), reservation_id=body.reservation_id, **_at(place))
    decision = (await context.desk.decide(command, trace(request)))[-1]
    if decision.outcome not in ("released", "already_released"):
        return await _not_done(context, body.reservation_id, decision, "released")
    return answer({"reservation_id": body.reservation_id, "status": "released"}, replayed=decision.replayed)


@router.post("/extend", response_model=Status, responses=examples.EXTEND)
async def extend(
    request: Request, body: Annotated[ExtendBody, Body(openapi_examples=examples.EXTEND_BODY)], context: Ctx
) -> Response:
    """Let it expire `ttl_s` seconds from now."""
    place = await _place(context, body.reservation_id)
    if isinstance(place, list):
        return _ended(body.reservation_id, place, None)
    id, ttl_ms = command_id(request), body.ttl_s * 1_000
    command = Extend(id=id, reservation_id=body.reservation_id, ttl_ms=ttl_ms, **_at(place))
    decision = (await context.desk.decide(command, trace(request)))[-1]
    if decision.outcome != "extended":
        return await _not_done(context, body.reservation_id, decision, None)
    stands = await _stands(context, body.reservation_id, decision)
    return answer({"reservation_id": body.reservation_id} | stands, replayed=decision.replayed)


def _reserve(order: ReserveOrder, id: str, ttl_ms: int) -> Reserve:
    options: dict[str, Any] = {"id": id, "ttl_ms": ttl_ms, "channel": order.channel, "order_id": order.order_id}
    match order.lines:
        case [Line() as line]:
            return Reserve(**options, **line.model_dump())
        case lines:
            return Reserve(**options, lines=tuple(commands.Line(**line.model_dump()) for line in lines))


async def _place(context: Context, reservation_id: str) -> Place | list[ReservedLine]:
    """Where the reservation is, or its lines where the ledger knows how it ended; 404 where nobody knows it."""
    place = await context.finder.place(reservation_id)
    if place is not None:
        return place
    lines = await _all_lines(context, reservation_id)
    if not lines:
        raise _unknown(reservation_id)
    return lines if _has_ended(lines) else place_in(lines)


async def _all_lines(context: Context, reservation_id: str) -> list[ReservedLine]:
    async with context.desk.in_time(reservation_id=reservation_id):
        return await context.finder.all_lines(reservation_id)


def _at(place: Place) -> dict[str, Any]:
    sku_id, warehouse_id = split_position(place.position)
    return {"sku_id": sku_id, "warehouse_id": warehouse_id}


def _unknown(reservation_id: str) -> Problem:
    outcome = "unknown_reservation"
    return Problem(404, outcome, "there is no such reservation", outcome=outcome, reservation_id=reservation_id)


async def _not_done(context: Context, reservation_id: str, decision: Decision, wished: str | None) -> Response:
    """The answer to a command that did not find its reservation active. What the gate has forgotten the ledger knows."""
    if decision.outcome != "unknown_reservation":
        raise refusal(decision, reservation_id=reservation_id)
    lines = await _all_lines(context, reservation_id)
    if not _has_ended(lines):
        raise _unknown(reservation_id)
    return _ended(reservation_id, lines, wished)


def _ended(reservation_id: str, lines: list[ReservedLine], wished: str | None) -> Response:
    """The answer where the ledger has the end: 200 where it is the one that was wished for, else 409."""
    ended_as = str(lines[0].ended_as)
    if ended_as == wished:
        return answer({"reservation_id": reservation_id, "status": wished})
    outcome = _ENDED[ended_as]
    raise Problem(409, outcome, outcome.replace("_", " "), outcome=outcome, reservation_id=reservation_id)


async def _stands(context: Context, reservation_id: str, decision: Decision) -> dict[str, Any]:
    """How the reservation stands after that decision; of a repeat that came after its end the ledger tells."""
    if decision.expires_at_ms is not None:
        return {"status": "active", "expires_at": rfc3339(decision.expires_at_ms)}
    async with context.desk.in_time(reservation_id=reservation_id):
        lines = await context.finder.lines_when(reservation_id, _has_ended, asyncio.Event())
    return {"status": lines[0].status}


def _has_ended(lines: list[ReservedLine]) -> bool:
    return bool(lines) and all(line.ended_as for line in lines)


async def _durable(context: Context, reservation_id: str, place: Place, fresh: bool, told: asyncio.Event) -> None:
    """Wait until the ledger has the commit of every line.

    Lines of one partition are written together, so that one event tells of all; else, and of a repeat, its rows tell.
    """
    if fresh and len(place.partitions) == 1:
        with suppress(TimeoutError):
            async with asyncio.timeout(_TOLD_S):
                await told.wait()
        if told.is_set():
            return

    def sold(lines: list[ReservedLine]) -> bool:
        there = {line.partition for line in lines}
        return there >= place.partitions and all(line.ended_as == "committed" for line in lines)

    await context.finder.lines_when(reservation_id, sold, told)
