"""What decisions about lines of orders and transfers tell, of which a record may have several."""

from functools import lru_cache
from typing import Any

from onhand.lua.format import (
    ARRIVE_DISCREPANCY,
    ARRIVE_SOURCE,
    HOLD_CHANNEL,
    HOLD_ID,
    HOLD_ORDER_ID,
    HOLD_POSITION,
    LEG_BODY,
    LEG_COMPLETE,
    LEG_FLAG,
    LEG_LINE,
    LEG_OPENED_AT_MS,
    LEG_SHORT,
)
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Arrive, Op, Release, Transfer
from onhand.schemas.decisions import Use
from onhand.schemas.legs import Order
from onhand.schemas.outcomes import Outcome
from onhand.schemas.positions import position_key, split_position
from onhand.schemas.slips import Short, Undo, Unplaced

Told = dict[str, Any]

_RESERVED = int(Outcome.RESERVED)
_ENDED = frozenset((int(Outcome.COMMITTED), int(Outcome.RELEASED), int(Outcome.EXTENDED)))


def told(admitted: Admitted, code: int, leg: Any) -> tuple[str, Told]:
    """The decision's position, and its fields but for the numbers; `leg` as the script tells it."""
    command = admitted.command
    if type(command) is Transfer:
        position, fields = _of_transfer(admitted, command, leg)
    elif type(command) is Arrive:
        position, fields = _of_arrive(command, leg)
    else:
        position, fields = leg[HOLD_POSITION], _of_order(admitted, leg)
    fields["sku_id"], fields["warehouse_id"] = _parts(position)
    fields["line"], fields["complete"] = leg[LEG_LINE], leg[LEG_COMPLETE]
    if leg[LEG_BODY] is not False:
        fields["use"] = _use(admitted, code, leg)
    return position, fields


_parts = lru_cache(maxsize=1 << 16)(split_position)


def of_unplaced(admitted: Admitted) -> Told:
    """Of a reservation that nobody could find."""
    slip = admitted.slip
    assert type(slip) is Unplaced
    return {"type": slip.verb, "id": slip.id, "reservation_id": slip.reservation_id, "reference_id": slip.reference_id}


def _use(admitted: Admitted, code: int, leg: Any) -> Use:
    route, slip, body, opened_at_ms = admitted.route, admitted.slip, leg[LEG_BODY], leg[LEG_OPENED_AT_MS]
    command: Any = admitted.command
    if code == _RESERVED and route is not None:
        return Use(hash=body, opened_at_ms=opened_at_ms, home=route.home, legs=route.partitions)
    if type(slip) is Undo and (admitted.op is Op.UNDO_ORDER or leg[LEG_FLAG]):
        short = None if slip.short is None else [short.told() for short in slip.short]
        return Use(hash=body, opened_at_ms=opened_at_ms, refused=slip.outcome, short=short)
    if type(command) is Transfer and leg[LEG_LINE] and command.mode == "dispatch":
        return Use(hash=body, opened_at_ms=opened_at_ms, units=command.quantity)
    is_remembered = code in _ENDED and admitted.op is not Op.SWEEP and command is not None and not leg[LEG_FLAG]
    return Use(hash=body, opened_at_ms=opened_at_ms, at=command.position if is_remembered else None)


def _of_order(admitted: Admitted, leg: Any) -> Told:
    command: Any = admitted.command
    if type(command) is Order:
        fields: Told = {
            "type": "reserve", "id": command.id, "reservation_id": command.id, "reference_id": command.reference_id,
            "channel": command.channel, "order_id": command.order_id,
        }  # fmt: skip
        if admitted.op is Op.UNDO_ORDER:
            return fields | {"type": "release", "id": None, "reference_id": None, "reason": "order_refused"}
        if leg[LEG_SHORT]:
            fields["short"] = [line.told() for line in shorts_of(leg[LEG_SHORT])]
        return fields
    fields = {
        "reservation_id": leg[HOLD_ID],
        "channel": leg[HOLD_CHANNEL] or None,
        "order_id": leg[HOLD_ORDER_ID] or None,
    }
    if command is None or admitted.op is Op.SWEEP:
        return fields | {"type": "expire", "id": leg[HOLD_ID]}
    reason = command.reason if type(command) is Release else None
    return fields | {"type": command.type, "id": command.id, "reference_id": command.reference_id, "reason": reason}


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


def _of_transfer(admitted: Admitted, transfer: Transfer, leg: Any) -> tuple[str, Told]:
    fields: Told = {
        "type": "transfer", "id": transfer.id, "transfer_id": transfer.id, "reference_id": transfer.reference_id,
        "source_warehouse": transfer.warehouse_id, "dest_warehouse": transfer.to_warehouse_id, "mode": transfer.mode,
        "expected_at_ms": transfer.expected_at_ms,
    }  # fmt: skip
    if admitted.op is Op.UNDO_TRANSFER:
        fields |= {"id": None, "reason": "transfer_refused", "expected_at_ms": None}
    return transfer.destination if leg[LEG_LINE] else transfer.position, fields


def _of_arrive(arrive: Arrive, leg: Any) -> tuple[str, Told]:
    discrepancy = leg[ARRIVE_DISCREPANCY] or None
    _, source = split_position(leg[ARRIVE_SOURCE])
    fields: Told = {
        "type": "arrive", "id": arrive.id, "transfer_id": arrive.transfer_id, "reference_id": arrive.reference_id,
        "source_warehouse": source, "dest_warehouse": arrive.warehouse_id, "final": arrive.final,
        "discrepancy": discrepancy, "reason": "transfer_discrepancy" if discrepancy else None,
    }  # fmt: skip
    return position_key(arrive.sku_id, arrive.warehouse_id), fields
