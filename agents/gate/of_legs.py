"""What decisions about lines of orders and transfers tell, of which a record may have several."""

from collections.abc import Sequence
from typing import Any

from onhand.lua.format import (
    ARRIVE_DISCREPANCY,
    ARRIVE_SOURCE,
    CODE,
    HOLD_CHANNEL,
    HOLD_ID,
    HOLD_ORDER_ID,
    HOLD_POSITION,
    LEG_BODY,
    LEG_FLAG,
    LEG_LINE,
    LEG_OPENED_AT_MS,
    LEG_SHORT,
    STAMPED,
)
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Arrive, Op, Release, Transfer
from onhand.schemas.decisions import Use
from onhand.schemas.legs import Order, Route
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import split_position
from onhand.schemas.slips import Hop, Short, Undo

Who = tuple[str | None, str | None, str | None]
"""type, id, reservation_id of a decision."""
Whose = tuple[str | None, str | None, str | None]
"""channel, order_id, reference_id of a decision."""
More = dict[str, Any]
"""Fields that few decisions have."""

_RESERVED = int(Outcome.RESERVED)
_ENDED = frozenset((int(Outcome.COMMITTED), int(Outcome.RELEASED), int(Outcome.EXTENDED)))


def told(admitted: Admitted, code: int, leg: Any) -> tuple[str, Who, Whose, More]:
    """The decision's position, and its fields but for the numbers and the line; `leg` as the script tells it."""
    command = admitted.command
    if type(command) is Transfer:
        position, who, whose, more = _of_transfer(admitted, command, leg)
    elif type(command) is Arrive:
        position, who, whose, more = _of_arrive(command, leg)
    else:
        position, (who, whose, more) = leg[HOLD_POSITION], _of_order(admitted, leg)
    if leg[LEG_BODY] is not False:
        more["use"] = _use(admitted, code, leg)
    return position, who, whose, more


def opened_at(admitted: Admitted, clock_ms: int) -> int:
    """The clock of an order's first leg: where that is here, the one of its decision."""
    slip = admitted.slip
    return slip.opened_at_ms if type(slip) is Hop and slip.opened_at_ms is not None else clock_ms


def travels_on(route: Route, outcome: Sequence[Any]) -> bool:
    """Whether an order goes on to its next leg by the outcome of its last line at this one."""
    return outcome[CODE] % STAMPED == _RESERVED and not route.is_last


def held(admitted: Admitted, route: Route, index: int, clock_ms: int) -> tuple[str, Who, Whose, More, int, bool]:
    """The same of a line that an order holds from now on, by its place among the lines of this leg; and its line, and whether all is done.

    All of it stands in the record, but for the clock where this is the first leg.
    """
    order, lines, partitions = admitted.command, route.leg.lines, route.partitions
    assert type(order) is Order
    line = lines[index]
    use = Use(hash=admitted.body, opened_at_ms=opened_at(admitted, clock_ms), home=partitions[-1], legs=partitions)
    is_complete = route.is_last and index == len(lines) - 1
    who, whose = ("reserve", order.id, order.id), (order.channel, order.order_id, order.reference_id)
    return line.position, who, whose, {"use": use}, line.line, is_complete


def _use(admitted: Admitted, code: int, leg: Any) -> Use:
    slip, body, opened_at_ms = admitted.slip, leg[LEG_BODY], leg[LEG_OPENED_AT_MS]
    command: Any = admitted.command
    if type(slip) is Undo and (admitted.op is Op.UNDO_ORDER or leg[LEG_FLAG]):
        short = None if slip.short is None else [short.told() for short in slip.short]
        return Use(hash=body, opened_at_ms=opened_at_ms, refused=slip.outcome, short=short)
    if type(command) is Transfer and leg[LEG_LINE] and command.mode == "dispatch":
        return Use(hash=body, opened_at_ms=opened_at_ms, units=command.quantity)
    is_remembered = code in _ENDED and admitted.op is not Op.SWEEP and command is not None and not leg[LEG_FLAG]
    return Use(hash=body, opened_at_ms=opened_at_ms, at=command.position if is_remembered else None)


def _of_order(admitted: Admitted, leg: Any) -> tuple[Who, Whose, More]:
    command: Any = admitted.command
    if type(command) is Order:
        if admitted.op is Op.UNDO_ORDER:
            whose = command.channel, command.order_id, None
            return ("release", None, command.id), whose, {"reason": "order_refused"}
        more = {"short": [line.told() for line in shorts_of(leg[LEG_SHORT])]} if leg[LEG_SHORT] else {}
        return ("reserve", command.id, command.id), (command.channel, command.order_id, command.reference_id), more
    channel, order_id = leg[HOLD_CHANNEL] or None, leg[HOLD_ORDER_ID] or None
    if command is None or admitted.op is Op.SWEEP:
        return ("expire", leg[HOLD_ID], leg[HOLD_ID]), (channel, order_id, None), {}
    reason = {"reason": command.reason} if type(command) is Release else {}
    return (command.type, command.id, leg[HOLD_ID]), (channel, order_id, command.reference_id), reason


def shorts_of(flat: Any) -> list[Short]:
    """Short lines as the script tells them: line, position, requested, available ..."""
    shorts = []
    for at in range(0, len(flat), 4):
        line, position, requested, available = flat[at : at + 4]
        sku_id, warehouse_id = split_position(position)
        shorts.append(
            Short(line=line, sku_id=sku_id, warehouse_id=warehouse_id, requested=requested, available_qty=available)
        )
    return shorts


def _of_transfer(admitted: Admitted, transfer: Transfer, leg: Any) -> tuple[str, Who, Whose, More]:
    is_undone = admitted.op is Op.UNDO_TRANSFER
    more: More = {
        "transfer_id": transfer.id, "source_warehouse": transfer.warehouse_id,
        "dest_warehouse": transfer.to_warehouse_id, "mode": transfer.mode,
    }  # fmt: skip
    more |= {"reason": "transfer_refused"} if is_undone else {"expected_at_ms": transfer.expected_at_ms}
    position = transfer.destination if leg[LEG_LINE] else transfer.position
    return position, ("transfer", None if is_undone else transfer.id, None), (None, None, transfer.reference_id), more


def _of_arrive(arrive: Arrive, leg: Any) -> tuple[str, Who, Whose, More]:
    discrepancy = leg[ARRIVE_DISCREPANCY] or None
    _, source = split_position(leg[ARRIVE_SOURCE])
    more: More = {
        "transfer_id": arrive.transfer_id, "source_warehouse": source, "dest_warehouse": arrive.warehouse_id,
        "final": arrive.final, "discrepancy": discrepancy, "reason": "transfer_discrepancy" if discrepancy else None,
    }  # fmt: skip
    return arrive.position, ("arrive", arrive.id, None), (None, None, arrive.reference_id), more
