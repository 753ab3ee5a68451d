"""From the script's outcomes to decisions: what the outcome holds, and what only the record knows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from onhand.agents.gate.batch import Prepared
from onhand.agents.ports import Message, Record
from onhand.lua.format import FIRST, STRIDE
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op, Release, Reserve, SetReorder, Ship
from onhand.schemas.decisions import decision_json
from onhand.schemas.events import TRACE_HEADER
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import REPLAYED, WORDS, Outcome
from onhand.schemas.positions import split_position
from onhand.schemas.topics import COMMANDS, dlq_headers

_LETTER_BYTES = 1_000_000
"""What a broker takes as a record if nobody told it otherwise is a little more."""
_CUT_BYTES = 64 * 1024
_CUT_HEADER = "onhand.cut"
"""On a dead letter of which only the beginning could be kept: the size that it had."""
_TRACE_BYTES = 256
"""A traceparent of W3C's version 00 has 55."""

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
        if of != 1 and admitted.op is not Op.SWEEP:
            raise Corrupt(f"{of} outcomes for the record at offset {record.offset}")
        for index in range(of):
            told.decisions.append(_decision(seq, record, admitted, outcomes[at : at + STRIDE], index, of))
            at, seq = at + STRIDE, seq + 1
        if admitted.op is Op.INVALID:
            told.dead_letters.append(_dead_letter(partition, record, admitted))
    if at != len(outcomes):
        raise Corrupt(f"an outcome for offset {outcomes[at]}, where no record stands")
    return told


def _decision(seq: int, record: Record, admitted: Admitted, outcome: Flat, index: int, of: int) -> Message:
    op, command, position, _, _, message, echo = admitted
    offset, code, clock, available, reserved, version, quantity, expires, hold = outcome
    replayed = code >= REPLAYED
    word = WORDS[code - REPLAYED if replayed else code]
    numbers = (available, reserved, version) if version >= 0 else None
    trace = _trace(record) if record.headers else ()
    if type(command) is Reserve:
        line = command.lines[0] if command.lines else command
        value = decision_json(
            seq, offset, clock, word, type="reserve", id=command.id, reservation_id=command.id, sku_id=line.sku_id,
            warehouse_id=line.warehouse_id, numbers=numbers, quantity=quantity or None, expires_at_ms=expires or None,
            channel=command.channel, order_id=command.order_id, reference_id=command.reference_id, replayed=replayed,
        )  # fmt: skip
    elif op is Op.SWEEP:
        reservation_id, position, channel, order_id = hold
        sku_id, warehouse_id = split_position(position)
        value = decision_json(
            seq, offset, clock, word, type="expire", id=reservation_id, reservation_id=reservation_id, sku_id=sku_id,
            warehouse_id=warehouse_id, numbers=numbers, quantity=quantity, channel=channel or None,
            order_id=order_id or None, index=index, of=of,
        )  # fmt: skip
    elif op is Op.INVALID:
        at = split_position(position) if position else (None, None)
        value = decision_json(
            seq, offset, clock, word, type=echo.get("type"), id=echo.get("id"), sku_id=at[0], warehouse_id=at[1],
            numbers=numbers, message=message,
        )  # fmt: skip
    else:
        value = _of_command(seq, admitted, outcome, word, numbers, replayed)
    return Message(position.encode() if position else None, value, trace)


def _of_command(
    seq: int, admitted: Admitted, outcome: Flat, word: str, numbers: tuple[int, int, int] | None, replayed: bool
) -> bytes:
    """The decision on anything but a reserve: on a reservation that is held, the hold tells channel and order."""
    command: Any = admitted.command
    offset, code, clock, _, _, _, quantity, expires, hold = outcome
    reorder = None
    if type(command) is SetReorder and code == Outcome.APPLIED:
        reorder = command.reorder_point, command.reorder_quantity
    channel, order_id = (
        (hold[2] or None, hold[3] or None) if hold else (command.channel if type(command) is Ship else None, None)
    )
    return decision_json(
        seq, offset, clock, word, type=command.type, id=command.id,
        reservation_id=command.target, sku_id=command.sku_id,
        warehouse_id=command.warehouse_id, numbers=numbers, quantity=None if quantity is False else quantity,
        expires_at_ms=expires or None, channel=channel, order_id=order_id, reference_id=command.reference_id,
        reorder=reorder, reason=command.reason if type(command) is Release else None, replayed=replayed,
    )  # fmt: skip


def _trace(record: Record) -> tuple[tuple[str, bytes], ...]:
    """The record's traceparent. One that is no such thing is left out: a decision must not grow by what a stranger sends."""
    traces = (header for header in record.headers if header[0] == TRACE_HEADER)
    name, value = next(traces, ("", None))
    return ((name, value),) if value is not None and len(value) <= _TRACE_BYTES else ()


def _dead_letter(partition: int, record: Record, admitted: Admitted) -> Message:
    """The record as received. One that came compressed and is larger than the broker takes is cut, and a header says so."""
    told = dlq_headers("Malformed", admitted.message, COMMANDS, partition, record.offset)
    key, value, headers = record.key, record.value, [*record.headers, *told]
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(text or b"") + 10 for name, text in headers)
    if size <= _LETTER_BYTES:
        return Message(key, value, headers)
    return Message((key or b"")[:_CUT_BYTES], (value or b"")[:_CUT_BYTES], [*told, (_CUT_HEADER, str(size).encode())])
