"""What is remembered of ids, as tallies: by the model, and by the ledger, which packs it for a rebuild of the gate.

Of a row of `remembered_ids` the auditor knows this by itself: a msgpack list of the format's number, the first time, ids (16 bytes
each), kinds (a byte each), index of each position, times after the first, quantities, reservation ids of those that have one, positions,
and a list for each that has no such short form: id, time, body, outcome, quantity, how it ended, where (a position, or an order's lines:
position, units, line ...), the clock of the first leg, what was short (line, position, requested, available ...).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import ormsgpack

from onhand.deploy.audit.books import Tallies
from onhand.deploy.audit.state import Memory, lines_of, shorts_of
from onhand.schemas.codec import use_hash
from onhand.schemas.faults import Corrupt
from onhand.schemas.outcomes import Outcome

_FORMAT = 2
_KINDS = ("receive", "return", "ship", "adjust", "set_reorder", "extend", "commit", "release", "expire")
_OUTCOMES = {"extend": Outcome.EXTENDED, "commit": Outcome.COMMITTED, "release": Outcome.RELEASED}
_ENDS = {"commit": Outcome.COMMITTED, "release": Outcome.RELEASED, "expire": Outcome.EXPIRED}


class Remembered(NamedTuple):
    """What was done under an id, at a time of the partition's clock."""

    id: str
    at_ms: int
    memory: Memory


def tallied(remembered: Mapping[int, Mapping[str, Memory]]) -> Tallies:
    """The model's, by generation and by what was done."""
    tallies = Tallies()
    for generation, done in remembered.items():
        for id, memory in done.items():
            enter(tallies, generation, id, memory)
    return tallies


def enter(tallies: Tallies, generation: int, id: str, memory: Memory, times: int = 1) -> None:
    """Enters one of them, or takes it out again (`times` -1)."""
    how = memory.outcome if memory.ended is None else memory.ended
    tallies.add(f"generation {generation}", how.word, memory.quantity or 0, id, *memory, times=times)


def unpacked(row: bytes) -> Iterator[Remembered]:
    """What a row says. An end is remembered twice: under the command's id, and under that of the reservation."""
    form, first, ids, kinds, places, times, quantities, reservations, positions, whole = ormsgpack.unpackb(row)
    if form != _FORMAT:
        raise Corrupt(f"remembered ids of an unknown format: {form}")
    targets = iter(_ids(reservations))
    for id, number, place, time, quantity in zip(_ids(ids), kinds, places, times, quantities, strict=True):
        kind, position, at_ms = _KINDS[number], positions[place], first + time
        target = next(targets) if kind in _OUTCOMES else None
        if kind in _ENDS:
            body = use_hash(f"reserve {position}={quantity}")
            yield Remembered(target or id, at_ms, Memory(body, Outcome.RESERVED, quantity, _ENDS[kind], position))
        if kind != "expire":
            about = "" if kind == "set_reorder" else f" {target or quantity}"
            outcome = _OUTCOMES.get(kind, Outcome.APPLIED)
            yield Remembered(id, at_ms, Memory(use_hash(f"{kind} {position}{about}"), outcome, quantity))
    for id, at_ms, *rest in whole:
        yield Remembered(id, at_ms, _memory(*rest))


def _memory(
    body: int, code: int, quantity: int | None, ended: int | None, where: Any, opened_at_ms: int | None, short: Any
) -> Memory:
    how = None if ended is None else Outcome(ended)
    position, lines = (None, lines_of(where)) if isinstance(where, list) else (where, ())
    if opened_at_ms is None:
        return Memory(body, Outcome(code), quantity, how, position)
    return Memory(body, Outcome(code), None, how, position, opened_at_ms, lines, shorts_of(short or []))


def _ids(packed: bytes) -> Iterator[str]:
    text = packed.hex()
    for at in range(0, len(text), 32):
        id = text[at : at + 32]
        yield f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
