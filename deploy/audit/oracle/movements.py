"""Verbs about one position and no reservation: receive, return, ship, adjust, count, set_reorder."""

from typing import Any

from onhand.deploy.audit.oracle.desk import Decision, Desk
from onhand.deploy.audit.state import Memory
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import MAX_LEVEL

_COMING = {Op.RECEIVE: 1, Op.RETURN: 1, Op.SHIP: -1, Op.ADJUST: 1}


def move(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Receive, return, ship, adjust."""
    position, quantity = admitted.position or "", admitted.quantity or 0
    coming = quantity * _COMING[admitted.op]
    stock = desk.at(position)
    if coming > 0 and stock.total + coming > MAX_LEVEL:
        return [desk.say(admitted, Outcome.LIMIT_EXCEEDED, quantity)]
    if stock.available + coming < 0:
        return [desk.say(admitted, Outcome.INSUFFICIENT_STOCK, quantity)]
    desk.change(position, available=coming)
    return [_applied(desk, admitted, quantity)]


def count(desk: Desk, admitted: Admitted) -> list[Decision]:
    """So many are there, the reserved ones among them. A count cannot pass the limit."""
    stock, difference = desk.at(admitted.position or ""), found_more(desk, admitted)
    if stock.available + difference < 0:
        return [desk.say(admitted, Outcome.COUNT_BELOW_RESERVED, difference)]
    if difference:
        desk.change(admitted.position or "", available=difference)
    return [_applied(desk, admitted, difference)]


def found_more(desk: Desk, admitted: Admitted) -> int:
    """By how many units a count differs from what is there."""
    return (admitted.quantity or 0) - desk.at(admitted.position or "").total


def set_reorder(desk: Desk, admitted: Admitted) -> list[Decision]:
    """Of no matter to the stock."""
    return [_applied(desk, admitted, None)]


def _applied(desk: Desk, admitted: Admitted, quantity: int | None) -> Decision:
    command: Any = admitted.command
    desk.remember(command.id, Memory(admitted.body, Outcome.APPLIED, quantity))
    return desk.say(admitted, Outcome.APPLIED, quantity)
