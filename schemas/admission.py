"""Admission: everything about a record that can be judged without knowing the stock.

It never raises for bad input: a record that is no command of ours is admitted as `Op.INVALID`, with the reason.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from onhand.schemas import signing
from onhand.schemas.codec import Malformed, decode_command, use_hash
from onhand.schemas.commands import Command, Op, Release, Reserve, Sweep
from onhand.schemas.faults import Corrupt
from onhand.schemas.legs import Order, Route, legs_of, order_of, route_at
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key
from onhand.schemas.signing import Keyring
from onhand.schemas.slips import Arrival, Hop, Passed, Settle, Slip, Undo, Unplaced, decode_slip
from onhand.schemas.topics import REQUESTS

RecordHeaders = Iterable[tuple[str, bytes | None]]
"""Kafka allows a header without a value."""


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A record, judged by itself.

    `command` is the client's, also where a slip brings it, an `Order` where it is about one. `position` is there where it is
    well-formed and of this partition; `body` is the hash of the use of the id; `quantity` is in units, an adjust's signed;
    `message` and `echo` (well-formed fields) are an invalid record's. `slip` is onhand's own record, `route` an order's way, `to`
    where a record is passed on.
    """

    op: Op
    command: Command | Order | None
    position: str | None
    body: int = 0
    quantity: int | None = None
    message: str = ""
    echo: Mapping[str, Any] = {}
    slip: Slip | None = None
    route: Route | None = None
    to: int | None = None


_SWEEP = Admitted(Op.SWEEP, Sweep(), None)


def admit(
    value: bytes | None, headers: RecordHeaders, partition: int, partitions: int, keyring: Keyring | None
) -> Admitted:
    """Judge a record of `inventory.commands` as it stands in `partition` of `partitions`.

    `Corrupt` for one thing alone: what onhand itself signed and this version does not know, as in the midst of an upgrade.
    """
    signature = _signature(value, headers, keyring) if headers else None
    if signature is _VALID and (slip := _slip(value)) is not None:
        judged = _SLIPS[type(slip)](slip, partition, partitions) if slip.to == partition else None
        return judged or _stray(slip, partition)
    try:
        command = decode_command(value)
    except Malformed as error:
        if signature is _VALID:
            raise Corrupt(f"a record that onhand signed, and this version cannot read: {error.message}") from error
        return _invalid(signature or error.message, error.echo, partition, partitions)
    kind, refusal = type(command), signature
    if kind is Sweep or kind is Release:
        refusal = signature if signature is not None else _unsigned(command)
    if kind is Sweep:
        return _invalid(refusal, {"type": "sweep"}, partition, partitions) if refusal else _SWEEP
    return _placed(command, refusal, partition, partitions)


def _slip(value: bytes | None) -> Slip | None:
    """The slip in a signed record; what is none may be a command of onhand's own."""
    try:
        return decode_slip(value or b"")
    except ValueError:
        return None


def _stray(slip: Slip, partition: int) -> Admitted:
    """One that cannot be what a partition sent here."""
    return _invalid(f"{slip.type}: does not belong to partition {partition}", {}, partition, 0)


def _placed(command: Any, refusal: str | None, partition: int, partitions: int, slip: Slip | None = None) -> Admitted:
    """A client's command, as it came or passed on."""
    refusal = refusal or _support(command)
    if refusal is None and type(command) is Reserve and command.lines is not None:
        order = order_of(command)
        if order is not None:
            return _order(command, order, partition, partitions, slip)
    position, op = command.position, command.op
    if refusal is None and partition_of(position, partitions) == partition:
        return Admitted(op, command, position, use_hash(command.use), command.units, slip=slip)
    return _invalid(refusal or _misplaced(position, partition, partitions), _told(command), partition, partitions)


def _order(reserve: Reserve, order: Order, partition: int, partitions: int, slip: Slip | None) -> Admitted:
    """A reserve over several positions, which begins at its first leg and stands first where its first line belongs."""
    legs = legs_of(order, partitions)
    first = legs[0]
    if first.partition == partition and (slip is not None or first.lines[0].line == 0):
        return _at_leg(order.op, order, Route(legs, 0), slip)
    if partition_of(order.position, partitions) == partition:
        return Admitted(Op.PASS, order, None, slip=slip, to=first.partition)
    return _invalid(_misplaced(order.position, partition, partitions), _told(reserve), partition, partitions)


def _at_leg(op: Op, order: Order, route: Route, slip: Slip | None) -> Admitted:
    return Admitted(op, order, route.leg.lines[0].position, order.hash, None, slip=slip, route=route)


def _passed(slip: Passed, partition: int, partitions: int) -> Admitted | None:
    command = slip.command
    if slip.opened_at_ms is None:
        return _placed(command, None, partition, partitions, slip)
    here = partition_of(command.position, partitions) == partition
    position = command.position if here else None
    return Admitted(_op(command), command, position, use_hash(command.use), None, slip=slip)


def _unplaced(slip: Unplaced, partition: int, partitions: int) -> Admitted:
    return Admitted(Op.UNPLACED, None, None, slip=slip)


def _hop(slip: Hop, partition: int, partitions: int) -> Admitted | None:
    route = route_at(slip.order, partition, partitions)
    if route is None or (slip.opened_at_ms is None) is not (route.at == 0):
        return None
    return _at_leg(slip.order.op, slip.order, route, slip)


def _arrival(slip: Arrival, partition: int, partitions: int) -> Admitted | None:
    transfer = slip.transfer
    if partition_of(transfer.destination, partitions) != partition:
        return None
    body = use_hash(transfer.use)
    return Admitted(Op.ARRIVAL, transfer, transfer.destination, body, transfer.quantity, slip=slip)


def _undo(slip: Undo, partition: int, partitions: int) -> Admitted | None:
    command = slip.command
    if type(command) is Order:
        route = route_at(command, partition, partitions)
        return None if route is None else _at_leg(Op.UNDO_ORDER, command, route, slip)
    if partition_of(command.position, partitions) != partition:
        return None
    return Admitted(Op.UNDO_TRANSFER, command, command.position, use_hash(command.use), command.units, slip=slip)


def _settle(slip: Settle, partition: int, partitions: int) -> Admitted:
    """Positions are the hold's."""
    command = slip.command
    body = use_hash(command.use) if command is not None else 0
    return Admitted(Op.SETTLE, command, None, body, slip=slip)


_SLIPS: dict[type, Any] = {
    Passed: _passed, Unplaced: _unplaced, Hop: _hop, Arrival: _arrival, Undo: _undo, Settle: _settle,
}  # fmt: skip


def _op(command: Command) -> Op:
    assert command.op is not None
    return command.op


_VALID = ""
"""The signature of onhand's own records."""


def _signature(value: bytes | None, headers: RecordHeaders, keyring: Keyring | None) -> str | None:
    """`_VALID`, None where there is none, or what is wrong: nobody may carry one that does not verify."""
    found = None
    for name, header in headers:
        if name == signing.HEADER:
            if keyring is None or header is None or not keyring.verify(header, value or b""):
                return f"header {signing.HEADER}: does not verify"
            found = _VALID
    return found


def _unsigned(command: Any) -> str | None:
    """What is wrong with a command that only onhand itself may give."""
    if type(command) is Release:
        own = command.reason is not None
        return f"reason: is onhand's own, and header {signing.HEADER} is missing" if own else None
    return f"header {signing.HEADER}: is missing, and {command.type} is onhand's own"


def _support(command: Command) -> str | None:
    return f"type: {command.type} is not supported yet" if command.op is None else None


def _misplaced(position: str, partition: int, partitions: int) -> str:
    return (
        f"sku_id, warehouse_id: {position} belongs to partition {partition_of(position, partitions)} of {partitions}, "
        f"not {partition}; produce with partitioner murmur2_random and that key, or to {REQUESTS}, where any key will do"
    )


def _told(command: Any) -> dict[str, Any]:
    placed = command.lines[0] if type(command) is Reserve and command.lines is not None else command
    told = {"type": command.type, "id": command.id, "sku_id": placed.sku_id, "warehouse_id": placed.warehouse_id}
    return {name: field for name, field in told.items() if field is not None}


def _invalid(message: str, echo: dict[str, Any], partition: int, partitions: int) -> Admitted:
    position = position_key(echo["sku_id"], echo["warehouse_id"]) if {"sku_id", "warehouse_id"} <= echo.keys() else None
    if position is not None and partition_of(position, partitions) != partition:
        position = None
    return Admitted(Op.INVALID, None, position, message=message, echo=echo)
