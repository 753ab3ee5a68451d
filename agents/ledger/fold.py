"""The fold: decisions of a partition, in order of seq, become what one window does to the ledger. Pure.

Numbers are taken from the decisions as they stand, first and last per position; nothing is decided here. What decisions should
never hold (a hold that ends twice, a version that skips) becomes a note, since a decision is public and is not refused.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec.structs import replace

from onhand.schemas.decisions import Decision
from onhand.schemas.faults import Corrupt
from onhand.schemas.positions import position_key
from onhand.sql import remembered
from onhand.sql.remembered import DoneRow, Kind
from onhand.sql.window import Change, End, Hold, Movement, Note, Reorder, Sale, Window, movement_id

_DAY_MS = 86_400_000


class Told(NamedTuple):
    """A decision as it came out of the log, with its position (None where it has none) and its `traceparent`.

    `next_offset` is where reading goes on once it is durable.
    """

    next_offset: int
    position: str | None
    decision: Decision
    trace: bytes | None


Checked = Any
"""A `Decision` of which the fields that its outcome needs are there."""


def fold(partition: int, decisions: Sequence[Told]) -> Window:
    """The window of some decisions, at least one, whose seqs follow each other. `Corrupt` where a field is missing."""
    folding = _Folding(partition)
    for told in decisions:
        decision = told.decision
        effect = None if decision.replayed else _effect_of(decision)
        if effect is not None:
            effect.apply(folding, told, decision)
    return folding.window(decisions[0].decision.seq - 1, decisions[-1])


class _Folding:
    """What has been folded so far."""

    __slots__ = ("begun", "done", "ended", "ended_ids", "extended", "first", "last", "movements", "notes",
                 "partition", "refused", "reorders", "sales")  # fmt: skip

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.first: dict[str, tuple[int, int]] = {}
        self.last: dict[str, Told] = {}
        self.begun: dict[str, tuple[Told, End | None]] = {}
        self.ended: dict[End, list[str]] = {"committed": [], "released": [], "expired": []}
        self.ended_ids: set[str] = set()
        self.extended: dict[str, int] = {}
        self.sales: list[Sale] = []
        self.movements: list[Movement] = []
        self.reorders: dict[str, Told] = {}
        self.refused: dict[tuple[int, str], int] = {}
        self.done: list[DoneRow] = []
        self.notes: list[Note] = []

    def change(self, told: Told, delta: int) -> None:
        """The position has new numbers, and `delta` more units available."""
        decision: Checked = told.decision
        position, version = str(told.position), decision.version
        before = self.last.get(position)
        if before is None:
            self.first[position] = (version - 1, decision.available_qty - delta)
        elif version != before.decision.version + 1:  # type: ignore[operator]
            self.note("version_skipped", told, f"{position} went to version {version}")
        self.last[position] = told

    def end(self, reservation_id: str, how: End, told: Told) -> None:
        """An active hold ends, of this window or of an earlier one."""
        begun = self.begun.get(reservation_id)
        if begun is not None and begun[1] is None:
            self.begun[reservation_id] = (begun[0], how)
        elif begun is not None or reservation_id in self.ended_ids:
            self.note("ended_twice", told, f"reservation {reservation_id}")
        else:
            self.ended_ids.add(reservation_id)
            self.ended[how].append(reservation_id)

    def remember(self, kind: Kind, told: Told, id: str, reservation_id: str | None) -> None:
        """What was done under an id."""
        decision = told.decision
        row = id, kind, str(told.position), decision.decided_at_ms, decision.quantity, reservation_id
        self.done.append(row)

    def note(self, code: str, told: Told, message: str) -> None:
        """Something that should not be."""
        if len(self.notes) < 100:
            self.notes.append(Note(code, f"{message}, by the decision with seq {told.decision.seq}"))

    def window(self, expected_seq: int, last: Told) -> Window:
        """All of it."""
        decision = last.decision
        return Window(
            partition=self.partition,
            expected_seq=expected_seq,
            seq=decision.seq,
            source_offset=decision.source_offset,
            decisions_offset=last.next_offset,
            clock_ms=decision.decided_at_ms,
            changes=[_change(position, *self.first[position], told) for position, told in self.last.items()],
            holds=[_hold(id, told, ended) for id, (told, ended) in self.begun.items()],
            ended=self.ended,
            extended=self.extended,
            sales=self.sales,
            movements=self.movements,
            reorders=[self._reorder(told) for told in self.reorders.values()],
            refused=self.refused,
            notes=self.notes,
            remembered=remembered.encode(self.done, list(self.last)),
        )

    def _reorder(self, told: Told) -> Reorder:
        """Judged by what is available before and after the whole window."""
        decision: Checked = told.decision
        position = str(told.position)
        newest: Checked = self.last.get(position, told).decision
        before = self.first[position][1] if position in self.first else decision.available_qty
        return Reorder(
            position,
            decision.reorder_point,
            decision.reorder_quantity,
            before,
            newest.available_qty,
            newest.version,
            decision.decided_at_ms,
        )


def _change(position: str, expected: int, before: int, told: Told) -> Change:
    decision: Checked = told.decision
    numbers = decision.available_qty, decision.reserved_qty, decision.version, decision.decided_at_ms
    return Change(position, expected, before, *numbers, told.trace)


def _hold(reservation_id: str, told: Told, ended: End | None) -> Hold:
    decision: Checked = told.decision
    return Hold(
        reservation_id,
        decision.line,
        str(told.position),
        decision.quantity,
        decision.order_id,
        decision.channel,
        decision.expires_at_ms,
        ended,
    )


def _reserved(folding: _Folding, told: Told, decision: Checked) -> None:
    reservation_id = decision.reservation_id
    folding.change(told, -decision.quantity)
    if reservation_id in folding.begun:
        folding.note("reserved_twice", told, f"reservation {reservation_id}")
    else:
        folding.begun[reservation_id] = (told, None)


def _extended(folding: _Folding, told: Told, decision: Checked) -> None:
    reservation_id, at = decision.reservation_id, decision.expires_at_ms
    begun = folding.begun.get(reservation_id)
    if begun is None:
        folding.extended[reservation_id] = at
    else:
        later = replace(begun[0].decision, expires_at_ms=at)
        folding.begun[reservation_id] = (begun[0]._replace(decision=later), begun[1])
    folding.remember(Kind.EXTEND, told, decision.id, reservation_id)


def _committed(folding: _Folding, told: Told, decision: Checked) -> None:
    reservation_id, quantity, at = decision.reservation_id, decision.quantity, decision.decided_at_ms
    folding.change(told, 0)
    folding.end(reservation_id, "committed", told)
    id, position = movement_id(at, folding.partition, decision.seq), str(told.position)
    order_id, line, version = decision.order_id, decision.line, decision.version
    folding.sales.append(Sale(id, reservation_id, order_id, line, position, quantity, version, at, told.trace))
    folding.remember(Kind.COMMIT, told, decision.id, reservation_id)


def _released(folding: _Folding, told: Told, decision: Checked) -> None:
    folding.change(told, decision.quantity)
    folding.end(decision.reservation_id, "released", told)
    folding.remember(Kind.RELEASE, told, decision.id, decision.reservation_id)


def _expired(folding: _Folding, told: Told, decision: Checked) -> None:
    folding.change(told, decision.quantity)
    folding.end(decision.reservation_id, "expired", told)
    folding.remember(Kind.EXPIRE, told, decision.reservation_id, None)


_MOVES = {
    "receive": (Kind.RECEIVE, 1),
    "return": (Kind.RETURN, 1),
    "ship": (Kind.SHIP, -1),
    "adjust": (Kind.ADJUST, 1),
}
"""Movements by the type of their command: how they are remembered, and which way the units go."""


def _moved(folding: _Folding, told: Told, decision: Checked) -> None:
    kind, sign = _MOVES[decision.type]
    quantity, at = decision.quantity, decision.decided_at_ms
    folding.change(told, sign * quantity)
    id, reference = movement_id(at, folding.partition, decision.seq), decision.reference_id
    folding.movements.append(Movement(id, str(told.position), decision.type, quantity, reference, at, told.trace))
    folding.remember(kind, told, decision.id, None)


def _reordered(folding: _Folding, told: Told, decision: Checked) -> None:
    folding.reorders[str(told.position)] = told
    folding.remember(Kind.SET_REORDER, told, decision.id, None)


def _refused(folding: _Folding, told: Told, decision: Checked) -> None:
    """Demand that was not met: what a customer wished, of an order the lines that fell short."""
    if decision.type in ("reserve", "ship"):
        day = decision.decided_at_ms // _DAY_MS
        for position, units in _short(decision) if decision.short else [(str(told.position), decision.quantity)]:
            folding.refused[day, position] = folding.refused.get((day, position), 0) + units


def _short(decision: Checked) -> list[tuple[str, int]]:
    """Position and units wished of each line that fell short."""
    lines = [(line.get("sku_id"), line.get("warehouse_id"), line.get("requested")) for line in decision.short]
    if [tuple(map(type, line)) for line in lines] != [(str, int, int)] * len(lines):
        raise Corrupt(f"the decision with seq {decision.seq}, {decision.outcome}, has short lines that are none")
    return [(position_key(sku_id, warehouse_id), units) for sku_id, warehouse_id, units in lines]


class _Effect(NamedTuple):
    """What a decision does, and the fields that it cannot do so without."""

    apply: Callable[[_Folding, Told, Checked], None]
    needs: tuple[str, ...]
    needed: Callable[[Decision], tuple[object, ...]]


def _effect(apply: Callable[[_Folding, Told, Checked], None], *needs: str) -> _Effect:
    """Of two needs at least: of one `attrgetter` makes no tuple."""
    return _Effect(apply, needs, attrgetter(*needs))


_NUMBERS = "sku_id", "available_qty", "reserved_qty", "version"
_EFFECTS = {
    "reserved": _effect(_reserved, "reservation_id", "quantity", "line", "expires_at_ms", *_NUMBERS),
    "extended": _effect(_extended, "id", "reservation_id", "expires_at_ms", *_NUMBERS),
    "committed": _effect(_committed, "id", "reservation_id", "quantity", "line", *_NUMBERS),
    "released": _effect(_released, "id", "reservation_id", "quantity", *_NUMBERS),
    "expired": _effect(_expired, "reservation_id", "quantity", *_NUMBERS),
    "insufficient_stock": _effect(_refused, "quantity", "sku_id"),
    "insufficient_channel_stock": _effect(_refused, "quantity", "sku_id"),
}
"""What each outcome does but `applied`; those that do not stand here do nothing to the ledger."""
_APPLIED = dict.fromkeys(_MOVES, _effect(_moved, "id", "quantity", *_NUMBERS)) | {
    "set_reorder": _effect(_reordered, "id", "reorder_point", "reorder_quantity", *_NUMBERS),
}
"""What it does that a command of that type was `applied`."""


def _effect_of(decision: Decision) -> _Effect | None:
    applied = decision.outcome == "applied"
    effect = _APPLIED.get(str(decision.type)) if applied else _EFFECTS.get(decision.outcome)
    if effect is None and applied:
        raise Corrupt(f"the decision with seq {decision.seq} applied what the ledger does not know: {decision.type}")
    if effect is not None and None in effect.needed(decision):
        lacks = [name for name in effect.needs if getattr(decision, name) is None]
        raise Corrupt(f"the decision with seq {decision.seq}, {decision.outcome}, lacks {', '.join(lacks)}")
    return effect
