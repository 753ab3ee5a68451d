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
_ENDS = {"commit": Outcome.COMMITTED, "release": Outcome.RELEASED, "extend": Outcome.EXTENDED}


def row_of(record: Record, admitted: Admitted, partitions: int) -> Row:
    """The row of a record; its columns are those of `onhand.lua.format.Row`."""
    op, command, position, body = admitted.op, admitted.command, admitted.position, admitted.body
    offset, at_ms, quantity = record.offset, record.timestamp, admitted.quantity
    slip = None if admitted.slip is None and op < _SEVERAL else _slip(admitted, partitions)
    if type(command) is Reserve or type(command) is Order:
        ttl_ms, channel, order_id = command.ttl_ms, command.channel, command.order_id
        return op, offset, at_ms, command.id, position, quantity, body, None, ttl_ms, channel, order_id, slip
    if op is Op.SETTLE:
        return _settling(op, offset, at_ms, admitted, slip)
    if command is None or op is Op.SWEEP:
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
    make = _SLIPS.get(admitted.op)
    told: Slip = make(admitted, partitions) if make else {}
    if admitted.slip is not None:
        told["from"] = list(admitted.slip.stamp)
        opened_at_ms = getattr(admitted.slip, "opened_at_ms", None)
        if opened_at_ms is not None:
            told["opened"] = opened_at_ms
    return told if told or admitted.op is Op.PASS else None


def _order(admitted: Admitted, partitions: int) -> Slip:
    route, slip = admitted.route, admitted.slip
    assert route is not None
    lines = [value for line in route.leg.lines for value in line]
    told: Slip = {"lines": lines}
    if route.is_last:
        told["home"], told["legs"] = False, route.partitions[:-1]
    else:
        told["home"] = route.home
    if type(slip) is Hop and slip.opened_at_ms is not None:
        told["expires"] = slip.expires_at_ms
        if slip.repeat:
            told["again"] = True
    return told


def _undo(admitted: Admitted, partitions: int) -> Slip:
    slip = admitted.slip
    assert type(slip) is Undo
    told: Slip = {"refused": int(Outcome.of_word(slip.outcome))}
    if slip.short is not None:
        told["short"] = [value for short in slip.short for value in _short(short)]
    return told


def _short(short: Short) -> tuple[int, str, int, int]:
    return short.line, f"{short.sku_id}:{short.warehouse_id}", short.requested, short.available_qty


def _settle(admitted: Admitted, partitions: int) -> Slip:
    slip = admitted.slip
    assert type(slip) is Settle
    command = slip.command
    how = Outcome.EXPIRED if command is None else _ENDS[command.type]
    told: Slip = {"how": int(how), "order": slip.order}
    if command is not None:
        told["at"] = command.position
    if slip.expires_at_ms is not None:
        told["expires"] = slip.expires_at_ms
    return told


def _transfer(admitted: Admitted, partitions: int) -> Slip:
    command = admitted.command
    assert type(command) is Transfer
    here = partition_of(command.destination, partitions) == partition_of(command.position, partitions)
    return {"to": command.destination if here else False, "dispatch": command.mode == "dispatch"}


def _arrival(admitted: Admitted, partitions: int) -> Slip:
    slip = admitted.slip
    assert type(slip) is Arrival
    transfer = slip.transfer
    return {"source": transfer.position, "dispatch": transfer.mode == "dispatch", "again": slip.repeat}


def _arrive(admitted: Admitted, partitions: int) -> Slip:
    command = admitted.command
    assert type(command) is Arrive
    return {"final": command.final}


_SLIPS: dict[Op, Callable[[Admitted, int], Slip]] = {
    Op.ORDER: _order, Op.UNDO_ORDER: _undo, Op.UNDO_TRANSFER: _undo, Op.SETTLE: _settle,
    Op.TRANSFER: _transfer, Op.ARRIVAL: _arrival, Op.ARRIVE: _arrive,
}  # fmt: skip
