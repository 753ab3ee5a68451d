"""Rows: what the script decides by, made of records that were judged by themselves."""

from collections.abc import Callable
from typing import Any

from onhand.agents.ports import Record
from onhand.lua.format import Row, Slip
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Arrive, Extend, Op, Reserve, Transfer
from onhand.schemas.legs import Order
from onhand.schemas.outcomes import Outcome
from onhand.schemas.partitioner import partition_of
from onhand.schemas.slips import Arrival, Hop, Settle, Short, Undo

_SEVERAL = int(Op.TRANSFER)
"""From here on the verbs touch several positions, or are slips."""
_ORDER, _SWEEP, _SETTLES = Op.ORDER, Op.SWEEP, Op.SETTLE
"""To look a member of an enumeration up costs 0.1 us, for every record."""
_ENDS = {"commit": Outcome.COMMITTED, "release": Outcome.RELEASED, "extend": Outcome.EXTENDED}


def row_of(record: Record, admitted: Admitted, partitions: int) -> Row:
    """The row of a record; its columns are those of `onhand.lua.format.Row`."""
    op, command, position, body = admitted.op, admitted.command, admitted.position, admitted.body
    offset, at_ms, quantity = record.offset, record.timestamp, admitted.quantity
    slip = None if admitted.slip is None and op < _SEVERAL else _slip(admitted, partitions)
    if op is _ORDER:
        assert admitted.route is not None
        quantity = admitted.route.leg.lines[0].units
    if type(command) is Reserve or type(command) is Order:
        ttl_ms, channel, order_id = command.ttl_ms, command.channel, command.order_id
        return op, offset, at_ms, command.id, position, quantity, body, None, ttl_ms, channel, order_id, slip
    if op is _SETTLES:
        return _settling(op, offset, at_ms, admitted, slip)
    if command is None or op is _SWEEP:
        return op, offset, at_ms, None, position, None, 0, None, None, None, None, slip
    longer = command.ttl_ms if type(command) is Extend else None
    known: Any = command
    return op, offset, at_ms, known.id, position, quantity, body, known.target, longer, None, None, slip


def _settling(op: Op, offset: int, at_ms: int, admitted: Admitted, slip: Slip | None) -> Row:
    """Under the ending command's id, or the reservation's own where it expired."""
    settle: Any = admitted.slip
    by = settle.command.id if settle.command else settle.reservation_id
    return op, offset, at_ms, by, None, None, admitted.body, settle.reservation_id, None, None, None, slip


def _slip(admitted: Admitted, partitions: int) -> Slip | None:
    if admitted.op is _ORDER:
        return _of_order(admitted)
    make, slip = _RESTS.get(admitted.op), admitted.slip
    rest = make(admitted, partitions) if make else None
    if slip is None:
        return None if rest is None else Slip(rest=rest)
    opened, expires, again = (getattr(slip, name, None) for name in ("opened_at_ms", "expires_at_ms", "repeat"))
    return Slip(*slip.stamp, opened, expires, again or None, rest=rest)


def _of_order(admitted: Admitted) -> Slip:
    """Of one leg; a hop without a clock comes to the first one, as from its client."""
    route, slip = admitted.route, admitted.slip
    assert route is not None
    first, *others = route.leg.lines
    more = [value for line in others for value in (line.position, line.units, line.line)] if others else None
    home, legs = (False, route.partitions[:-1]) if route.is_last else (route.home, None)
    if slip is None:
        return Slip(None, None, None, None, None, None, first.line, more, home, legs)
    if type(slip) is Hop and slip.opened_at_ms is not None:
        again = slip.repeat or None
        return Slip(*slip.stamp, slip.opened_at_ms, slip.expires_at_ms, again, first.line, more, home, legs)
    return Slip(*slip.stamp, None, None, None, first.line, more, home, legs)


_Rest = dict[str, Any]


def _undo(admitted: Admitted, partitions: int) -> _Rest:
    slip = admitted.slip
    assert type(slip) is Undo
    rest: _Rest = {"refused": int(Outcome.of_word(slip.outcome))}
    if slip.short is not None:
        rest["short"] = [value for short in slip.short for value in _short(short)]
    return rest


def _short(short: Short) -> tuple[int, str, int, int]:
    return short.line, f"{short.sku_id}:{short.warehouse_id}", short.requested, short.available_qty


def _settle(admitted: Admitted, partitions: int) -> _Rest:
    slip = admitted.slip
    assert type(slip) is Settle
    command = slip.command
    how = Outcome.EXPIRED if command is None else _ENDS[command.type]
    rest: _Rest = {"how": int(how), "order": slip.order}
    if command is not None:
        rest["at"] = command.position
    return rest


def _transfer(admitted: Admitted, partitions: int) -> _Rest:
    command = admitted.command
    assert type(command) is Transfer
    here = partition_of(command.destination, partitions) == partition_of(command.position, partitions)
    return {"to": command.destination if here else False, "dispatch": command.mode == "dispatch"}


def _arrival(admitted: Admitted, partitions: int) -> _Rest:
    slip = admitted.slip
    assert type(slip) is Arrival
    transfer = slip.transfer
    return {"source": transfer.position, "dispatch": transfer.mode == "dispatch"}


def _arrive(admitted: Admitted, partitions: int) -> _Rest:
    command = admitted.command
    assert type(command) is Arrive
    return {"final": command.final}


_RESTS: dict[Op, Callable[[Admitted, int], _Rest]] = {
    Op.UNDO_ORDER: _undo, Op.UNDO_TRANSFER: _undo, Op.SETTLE: _settle,
    Op.TRANSFER: _transfer, Op.ARRIVAL: _arrival, Op.ARRIVE: _arrive,
}  # fmt: skip
"""What of a slip stands in no column of its own."""
