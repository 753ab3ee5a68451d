"""From the script's outcomes to decisions: what the outcome holds, and what only the record knows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from onhand.agents.gate import forwards, of_legs
from onhand.agents.gate.batch import Prepared
from onhand.agents.gate.forwards import Forwards, Stamps
from onhand.agents.gate.place import Place
from onhand.agents.ports import Message, Record
from onhand.lua.format import CODE, FIRST, HOLD, HOLD_CHANNEL, HOLD_ORDER_ID, HOLD_POSITION, SEEN, STRIDE
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Arrive, Op, Release, Reserve, SetReorder, Ship
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
    """What a batch has to say: slips for other partitions, decisions, and the bytes of what was no command."""

    forwards: Forwards
    decisions: list[Message]
    dead_letters: list[Message]


def tell(place: Place, batch: Prepared, outcomes: Flat) -> Told:
    """The slips and decisions of a batch, in order. `Corrupt` where outcomes and records do not belong together."""
    told = Told({}, [], [])
    at, seq = FIRST, int(outcomes[0])
    for record, admitted in zip(batch.records, batch.admitted, strict=True):
        end = at
        while end < len(outcomes) and outcomes[end] == record.offset:
            end += STRIDE
        try:
            if end - at == STRIDE and outcomes[at + CODE] < SEEN:
                told.decisions.append(_decision(seq, record, admitted, outcomes[at:end]))
                seq += 1
            else:
                seq = _tell_some(told, place, seq, record, admitted, outcomes[at:end])
        except (TypeError, ValueError, IndexError) as error:
            raise Corrupt(f"no outcome of the record at offset {record.offset}: {error}") from error
        at = end
        if admitted.command is None and admitted.op is Op.INVALID:
            told.dead_letters.append(_dead_letter(place.partition, record, admitted))
    if at != len(outcomes):
        raise Corrupt(f"an outcome for offset {outcomes[at]}, where no record stands")
    return told


def _tell_some(told: Told, place: Place, seq: int, record: Record, admitted: Admitted, outcomes: Flat) -> int:
    """A record with no decision or several, or that sends slips; the seq behind its decisions."""
    codes = outcomes[CODE::STRIDE]
    of, index, seen = len([code for code in codes if code < SEEN]), 0, None
    if not codes and not (admitted.op is Op.SWEEP or admitted.slip is not None):
        raise Corrupt(f"no outcome for the record at offset {record.offset}")
    stamps = Stamps(place.partition, record.offset)
    for number, code in enumerate(codes):
        at = number * STRIDE
        if code < SEEN:
            outcome = outcomes[at : at + STRIDE]
            decision = _decision(seq, record, admitted, outcome, index if of > 1 else None, of, seen)
            told.decisions.append(decision)
            seq, index, seen = seq + 1, index + 1, None
        elif code == SEEN:
            seen = outcomes[at + HOLD]
        else:
            forwards.add(told.forwards, place, record, admitted, code, outcomes[at + HOLD], stamps)
    return seq


def _decision(
    seq: int, record: Record, admitted: Admitted, outcome: Flat, index: int | None = None, of: int = 1, seen: Any = None
) -> Message:
    offset, code, clock_ms, available, reserved, version, quantity, expires_at_ms, hold = outcome
    command, position = admitted.command, admitted.position
    told: dict[str, Any]
    if hold and len(hold) > HOLD_ORDER_ID + 1:
        position, told = of_legs.told(admitted, code, hold)
    elif admitted.op is Op.SWEEP:
        position, told = hold[HOLD_POSITION], _of_expiry(hold)
    elif admitted.op is Op.UNPLACED:
        told = of_legs.of_unplaced(admitted)
    elif command is None:
        told = _of_invalid(admitted)
    else:
        told = _of_command(command, code, hold)
        if position is None:
            told["sku_id"] = told["warehouse_id"] = None
    if version >= 0:
        told["available_qty"], told["reserved_qty"], told["total_qty"] = available, reserved, available + reserved
        told["version"] = version
        told.setdefault("line", 0)
    replayed = code >= REPLAYED
    told.setdefault("complete", True)
    decision = Decision(
        seq=seq, outcome=WORDS[code - REPLAYED if replayed else code], quantity=None if quantity is False else quantity,
        expires_at_ms=expires_at_ms or None, replayed=replayed, source_offset=offset, decided_at_ms=clock_ms,
        index=index, of=of if index is not None else None, seen=_stamps(seen) if seen else None, **told,
    )  # fmt: skip
    trace = trace_of(record.headers) if record.headers else None
    key, headers = position.encode() if position else None, [(TRACE_HEADER, trace)] if trace is not None else ()
    return Message(key, decision.to_json(), headers)


def _stamps(flat: Flat) -> list[tuple[int, int, int]]:
    return [(flat[at], flat[at + 1], flat[at + 2]) for at in range(0, len(flat), 3)]


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
        "type": command.type, "id": command.id, "sku_id": command.sku_id,
        "warehouse_id": command.warehouse_id, "reference_id": command.reference_id,
    }  # fmt: skip
    told["transfer_id" if type(command) is Arrive else "reservation_id"] = command.target
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
