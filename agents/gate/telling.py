"""From the script's outcomes to decisions: what the outcome holds, and what only the record knows."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from onhand.agents.gate import forwards, of_legs
from onhand.agents.gate.batch import Prepared
from onhand.agents.gate.forwards import Forwards, Stamps
from onhand.agents.gate.place import Place
from onhand.agents.gate.subjects import subject
from onhand.agents.ports import Message, Record
from onhand.lua.format import CODE, FIRST, HOLD, LEG_COMPLETE, LEG_LINE, SEEN, STAMPED, STRIDE
from onhand.schemas.admission import Admitted
from onhand.schemas.commands import Op
from onhand.schemas.decisions import Decision
from onhand.schemas.events import TRACE_HEADER, trace_of
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import REPLAYED, WORDS, Outcome
from onhand.schemas.positions import split_position
from onhand.schemas.slips import Stamp
from onhand.schemas.topics import COMMANDS, dlq_headers

_LETTER_BYTES = 1_000_000
"""What a broker takes as a record if nobody told it otherwise is a little more."""
_CUT_BYTES = 64 * 1024
_CUT_HEADER = "onhand.cut"
"""On a dead letter of which only the beginning could be kept: the size that it had."""

_INVALID, _OF_INVALID = Op.INVALID, int(Outcome.INVALID)
"""The verb of what is no command, and the outcome that it alone has."""

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
        is_invalid = admitted.op is _INVALID
        if is_invalid and (end == at or outcomes[end - STRIDE + CODE] != _OF_INVALID):
            reason = f"the record at offset {record.offset} was decided, and is invalid now ({admitted.message}): was a key retired?"
            raise Corrupt(reason)
        try:
            if end - at == STRIDE and admitted.route is None and outcomes[at + CODE] < SEEN:
                told.decisions.append(_decision(seq, record, admitted, outcomes[at:end]))
                seq += 1
            else:
                seq = _tell_some(told, place, seq, record, admitted, outcomes[at:end])
        except (TypeError, ValueError, IndexError) as error:
            raise Corrupt(f"no outcome of the record at offset {record.offset}: {error}") from error
        at = end
        if is_invalid and admitted.command is None:
            told.dead_letters.append(_dead_letter(place.partition, record, admitted))
    if at != len(outcomes):
        raise Corrupt(f"an outcome for offset {outcomes[at]}, where no record stands")
    return told


def _tell_some(told: Told, place: Place, seq: int, record: Record, admitted: Admitted, outcomes: Flat) -> int:
    """A record with no decision or several, or that sends slips; the seq behind its decisions."""
    codes = outcomes[CODE::STRIDE]
    of, index, seen = len([code for code in codes if code < SEEN or code >= STAMPED]), 0, None
    if not codes and not (admitted.op is Op.SWEEP or admitted.slip is not None):
        raise Corrupt(f"no outcome for the record at offset {record.offset}")
    stamps = Stamps(place.partition, record.offset)
    for number, code in enumerate(codes):
        outcome = outcomes[number * STRIDE : (number + 1) * STRIDE]
        if SEEN < code < STAMPED:
            forwards.add(told.forwards, place, record, admitted, outcome, stamps)
        elif code == SEEN:
            seen = _stamps(outcome[HOLD])
        else:
            told.decisions.append(_decision(seq, record, admitted, outcome, index, of, seen))
            seq, index, seen = seq + 1, index + 1, None
            if admitted.route is not None and index == of and of_legs.travels_on(admitted.route, outcome):
                forwards.add_hop(told.forwards, place, record, admitted, outcome, stamps)
    return seq


def _decision(
    seq: int, record: Record, admitted: Admitted, outcome: Flat, index: int = 0, of: int = 1, seen: Any = None
) -> Message:
    offset, code, clock_ms, available, reserved, version, quantity, expires_at_ms, hold = outcome
    if code >= STAMPED:
        if admitted.slip is None:
            raise ValueError("a stamp is told, and it is no slip")
        code, seen = code - STAMPED, [admitted.slip.stamp]
    replayed, complete = code >= REPLAYED, True
    line: int | None = 0 if version >= 0 else None
    position: str | None
    if hold and len(hold) > LEG_LINE:
        position, who, whose, more = of_legs.told(admitted, code, hold)
        line, complete = hold[LEG_LINE], hold[LEG_COMPLETE]
    elif admitted.route is not None:
        position, who, whose, more, line, complete = of_legs.held(admitted, admitted.route, index, clock_ms)
    else:
        position, who, whose, more = subject(admitted, code, hold)
    numbers: _Numbers = (available, reserved, available + reserved, version) if version >= 0 else _NO_NUMBERS
    if replayed:
        more["replayed"] = True
    if of > 1:
        more["index"], more["of"] = index, of
    if seen:
        more["seen"] = seen
    place: _Parts = _parts(position) if position else _NOWHERE
    decision = Decision(
        seq, WORDS[code - REPLAYED if replayed else code], complete, offset, clock_ms,
        *who, *place, None if quantity is False else quantity, *numbers, line, expires_at_ms or None, *whose, **more,
    )  # fmt: skip
    trace = trace_of(record.headers) if record.headers else None
    headers = [(TRACE_HEADER, trace)] if trace is not None else ()
    return Message(position.encode() if position else None, decision.to_json(), headers)


_parts = lru_cache(maxsize=1 << 16)(split_position)
_Parts = tuple[str | None, int | None]
_NOWHERE: _Parts = None, None
_Numbers = tuple[int | None, int | None, int | None, int | None]
_NO_NUMBERS: _Numbers = None, None, None, None


def _stamps(flat: Flat) -> list[Stamp]:
    """As decisions tell them."""
    return [(flat[at], flat[at + 1], flat[at + 2]) for at in range(0, len(flat), 3)]


def _dead_letter(partition: int, record: Record, admitted: Admitted) -> Message:
    """The record as received. One that came compressed and is larger than the broker takes is cut, and a header says so."""
    told = dlq_headers("Malformed", admitted.message, COMMANDS, partition, record.offset)
    key, value, headers = record.key, record.value, [*record.headers, *told]
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(text or b"") + 10 for name, text in headers)
    if size <= _LETTER_BYTES:
        return Message(key, value, headers)
    return Message((key or b"")[:_CUT_BYTES], (value or b"")[:_CUT_BYTES], [*told, (_CUT_HEADER, str(size).encode())])
