"""From the script's outcomes to decisions: what the outcome holds, and what only the record knows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from onhand.agents.gate.batch import Prepared
from onhand.agents.ports import Message, Record
from onhand.lua.format import FIRST, HOLD_CHANNEL, HOLD_ORDER_ID, HOLD_POSITION, STRIDE
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Release, Reserve, SetReorder, Ship, Sweep
from onhand.schemas.decisions import Decision
from onhand.schemas.events import TRACE_HEADER, trace_of
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import REPLAYED, WORDS, Outcome
from onhand.schemas.positions import split_position
from onhand.schemas.topics import COMMANDS, dlq_headers

_LETTER_BYTES = 1_000_000
"""What a broker takes as a record if nobody told it otherwise is a little more."""
_CUT_BYTES = 64 * 1024
_CUT_HEADER = "onhand.cut"
"""On a dead letter of which only the beginning could be kept: the size that it had."""

Flat = Sequence[Any]
"""The script's reply: the seq of the first outcome, then the columns of `onhand.lua.format` for each."""


class Told(NamedTuple):
    """What a batch has to say: decisions, and the bytes of what was no command."""

    decisions: list[Message]
    dead_letters: list[Message]


def tell(partition: int, batch: Prepared, outcomes: Flat) -> Told:
    """The decisions of a batch, in order. `Corrupt` where outcomes and records do not belong together."""
    told = Told([], [])
    at, seq = FIRST, int(outcomes[0])
    for record, admitted in zip(batch.records, batch.admitted, strict=True):
        end = at
        while end < len(outcomes) and outcomes[end] == record.offset:
            end += STRIDE
        of = (end - at) // STRIDE
        if of != 1 and type(admitted.command) is not Sweep:
            raise Corrupt(f"{of} outcomes for the record at offset {record.offset}")
        try:
            for index in range(of):
                told.decisions.append(_decision(seq, record, admitted, outcomes[at : at + STRIDE], index, of))
                at, seq = at + STRIDE, seq + 1
        except (TypeError, ValueError, IndexError) as error:
            raise Corrupt(f"no outcome of the record at offset {record.offset}: {error}") from error
        if admitted.command is None:
            told.dead_letters.append(_dead_letter(partition, record, admitted))
    if at != len(outcomes):
        raise Corrupt(f"an outcome for offset {outcomes[at]}, where no record stands")
    return told


def _decision(seq: int, record: Record, admitted: Admitted, outcome: Flat, index: int, of: int) -> Message:
    offset, code, clock_ms, available, reserved, version, quantity, expires_at_ms, hold = outcome
    command, position = admitted.command, admitted.position
    if command is None:
        told = _of_invalid(admitted)
    elif type(command) is Sweep:
        position = hold[HOLD_POSITION]
        told = _of_expiry(hold)
        if of > 1:
            told["index"], told["of"] = index, of
    else:
        told = _of_command(command, code, hold)
    if version >= 0:
        told["available_qty"], told["reserved_qty"], told["total_qty"] = available, reserved, available + reserved
        told["version"], told["line"] = version, 0
    replayed = code >= REPLAYED
    decision = Decision(
        seq=seq, outcome=WORDS[code - REPLAYED if replayed else code], quantity=None if quantity is False else quantity,
        expires_at_ms=expires_at_ms or None, replayed=replayed, complete=True, source_offset=offset,
        decided_at_ms=clock_ms, **told,
    )  # fmt: skip
    trace = trace_of(record.headers) if record.headers else None
    key, headers = position.encode() if position else None, [(TRACE_HEADER, trace)] if trace is not None else ()
    return Message(key, decision.to_json(), headers)


def _of_command(command: Any, code: int, hold: Any) -> dict[str, Any]:
    """What a decision on a command repeats of it; of a reservation that is held, the hold tells channel and order."""
    if type(command) is Reserve:
        line = command.lines[0] if command.lines else command
        return {
            "type": "reserve", "id": command.id, "reservation_id": command.id, "sku_id": line.sku_id,
            "warehouse_id": line.warehouse_id, "channel": command.channel, "order_id": command.order_id,
            "reference_id": command.reference_id,
        }  # fmt: skip
    told = {
        "type": command.type, "id": command.id, "reservation_id": command.target, "sku_id": command.sku_id,
        "warehouse_id": command.warehouse_id, "reference_id": command.reference_id,
    }  # fmt: skip
    if hold:
        told["channel"], told["order_id"] = hold[HOLD_CHANNEL] or None, hold[HOLD_ORDER_ID] or None
    elif type(command) is Ship:
        told["channel"] = command.channel
    elif type(command) is SetReorder and code == Outcome.APPLIED:
        told["reorder_point"], told["reorder_quantity"] = command.reorder_point, command.reorder_quantity
    if type(command) is Release:
        told["reason"] = command.reason
    return told


def _of_expiry(hold: Any) -> dict[str, Any]:
    """The decision that ends a hold has the hold's own id: nobody sent a command."""
    id, position, channel, order_id = hold
    sku_id, warehouse_id = split_position(position)
    return {
        "type": "expire", "id": id, "reservation_id": id, "sku_id": sku_id, "warehouse_id": warehouse_id,
        "channel": channel or None, "order_id": order_id or None,
    }  # fmt: skip


def _of_invalid(admitted: Admitted) -> dict[str, Any]:
    """What was well-formed of a record that was no command, and what was not."""
    sku_id, warehouse_id = split_position(admitted.position) if admitted.position else (None, None)
    told = {"sku_id": sku_id, "warehouse_id": warehouse_id, "message": admitted.message}
    return told | {"type": admitted.echo.get("type"), "id": admitted.echo.get("id")}


def _dead_letter(partition: int, record: Record, admitted: Admitted) -> Message:
    """The record as received. One that came compressed and is larger than the broker takes is cut, and a header says so."""
    told = dlq_headers("Malformed", admitted.message, COMMANDS, partition, record.offset)
    key, value, headers = record.key, record.value, [*record.headers, *told]
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(text or b"") + 10 for name, text in headers)
    if size <= _LETTER_BYTES:
        return Message(key, value, headers)
    return Message((key or b"")[:_CUT_BYTES], (value or b"")[:_CUT_BYTES], [*told, (_CUT_HEADER, str(size).encode())])
