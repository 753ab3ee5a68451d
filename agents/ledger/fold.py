"""The fold: decisions of a partition, in order of seq, become what one window does to the ledger. Pure.

Numbers are taken from the decisions as they stand, first and last per position; nothing is decided here. What decisions should
never hold (a hold that ends twice, a version that skips) becomes a note, since a decision is public and is not refused.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from onhand.schemas.faults import Corrupt
from onhand.sql import remembered
from onhand.sql.remembered import DoneRow, Kind
from onhand.sql.window import Change, End, Hold, Movement, Note, Reorder, Sale, Window, movement_id

_DAY_MS = 86_400_000

Fields = dict[str, Any]


class Told(NamedTuple):
    """A decision as it came out of the log: `fields` of its JSON, its position (None where it has none), `traceparent`.

    `next_offset` is where reading goes on once it is durable.
    """

    next_offset: int
    position: str | None
    fields: Fields
    trace: bytes | None


def fold(partition: int, decisions: Sequence[Told]) -> Window:
    """The window of some decisions, at least one, whose seqs follow each other. `Corrupt` where a field is missing."""
    folding = _Folding(partition)
    for told in decisions:
        fields = told.fields
        effect = _EFFECTS.get(fields["outcome"])
        if effect is not None and "replayed" not in fields:
            try:
                effect(folding, told, fields)
            except (KeyError, TypeError) as error:
                raise Corrupt(f"the decision with seq {fields['seq']} lacks or garbles {error}") from error
    return folding.window(decisions[0].fields["seq"] - 1, decisions[-1])


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
        position = told.position
        if position is None:
            raise KeyError("position")
        fields = told.fields
        version = fields["version"]
        before = self.last.get(position)
        if before is None:
            self.first[position] = (version - 1, fields["available_qty"] - delta)
        elif version != before.fields["version"] + 1:
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

    def note(self, code: str, told: Told, message: str) -> None:
        """Something that should not be."""
        if len(self.notes) < 100:
            self.notes.append(Note(code, f"{message}, by the decision with seq {told.fields['seq']}"))

    def window(self, expected_seq: int, last: Told) -> Window:
        """All of it."""
        fields = last.fields
        return Window(
            partition=self.partition,
            expected_seq=expected_seq,
            seq=fields["seq"],
            source_offset=fields["source_offset"],
            decisions_offset=last.next_offset,
            clock_ms=fields["decided_at_ms"],
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
        fields, position = told.fields, str(told.position)
        newest = self.last.get(position, told).fields
        before = self.first[position][1] if position in self.first else fields["available_qty"]
        return Reorder(
            position,
            fields["reorder_point"],
            fields["reorder_quantity"],
            before,
            newest["available_qty"],
            newest["version"],
            fields["decided_at_ms"],
        )


def _change(position: str, expected: int, before: int, told: Told) -> Change:
    fields = told.fields
    numbers = fields["available_qty"], fields["reserved_qty"], fields["version"], fields["decided_at_ms"]
    return Change(position, expected, before, *numbers, told.trace)


def _hold(reservation_id: str, told: Told, ended: End | None) -> Hold:
    fields = told.fields
    return Hold(
        reservation_id,
        fields["line"],
        str(told.position),
        fields["quantity"],
        fields.get("order_id"),
        fields.get("channel"),
        fields["expires_at_ms"],
        ended,
    )


def _reserved(folding: _Folding, told: Told, fields: Fields) -> None:
    reservation_id = fields["reservation_id"]
    folding.change(told, -fields["quantity"])
    if reservation_id in folding.begun:
        folding.note("reserved_twice", told, f"reservation {reservation_id}")
    else:
        folding.begun[reservation_id] = (told, None)


def _extended(folding: _Folding, told: Told, fields: Fields) -> None:
    reservation_id, at = fields["reservation_id"], fields["expires_at_ms"]
    begun = folding.begun.get(reservation_id)
    if begun is None:
        folding.extended[reservation_id] = at
    else:
        folding.begun[reservation_id] = (begun[0]._replace(fields=begun[0].fields | {"expires_at_ms": at}), begun[1])
    _remember(folding, Kind.EXTEND, told, fields["id"], reservation_id)


def _committed(folding: _Folding, told: Told, fields: Fields) -> None:
    reservation_id, quantity, at = fields["reservation_id"], fields["quantity"], fields["decided_at_ms"]
    folding.change(told, 0)
    folding.end(reservation_id, "committed", told)
    order_id, position = fields.get("order_id"), str(told.position)
    id = movement_id(at, folding.partition, fields["seq"])
    version = fields["version"]
    sale = Sale(id, reservation_id, order_id, fields["line"], position, quantity, version, at, told.trace)
    folding.sales.append(sale)
    folding.done.append((fields["id"], Kind.COMMIT, position, at, quantity, reservation_id))


def _released(folding: _Folding, told: Told, fields: Fields) -> None:
    folding.change(told, fields["quantity"])
    folding.end(fields["reservation_id"], "released", told)
    _remember(folding, Kind.RELEASE, told, fields["id"], fields["reservation_id"])


def _expired(folding: _Folding, told: Told, fields: Fields) -> None:
    folding.change(told, fields["quantity"])
    folding.end(fields["reservation_id"], "expired", told)
    _remember(folding, Kind.EXPIRE, told, fields["reservation_id"], None)


_MOVES = {
    "receive": (Kind.RECEIVE, 1),
    "return": (Kind.RETURN, 1),
    "ship": (Kind.SHIP, -1),
    "adjust": (Kind.ADJUST, 1),
}
"""Movements by the type of their command: how they are remembered, and which way the units go."""


def _applied(folding: _Folding, told: Told, fields: Fields) -> None:
    if fields["type"] == "set_reorder":
        folding.reorders[str(told.position)] = told
        return _remember(folding, Kind.SET_REORDER, told, fields["id"], None)
    kind, sign = _MOVES[fields["type"]]
    quantity, at = fields["quantity"], fields["decided_at_ms"]
    folding.change(told, sign * quantity)
    id = movement_id(at, folding.partition, fields["seq"])
    reference = fields.get("reference_id")
    folding.movements.append(Movement(id, str(told.position), fields["type"], quantity, reference, at, told.trace))
    _remember(folding, kind, told, fields["id"], None)


def _refused(folding: _Folding, told: Told, fields: Fields) -> None:
    """Demand that was not met: what a customer wished."""
    if told.position is not None and fields["type"] in ("reserve", "ship"):
        key = (fields["decided_at_ms"] // _DAY_MS, told.position)
        folding.refused[key] = folding.refused.get(key, 0) + fields["quantity"]


def _remember(folding: _Folding, kind: Kind, told: Told, id: str, reservation_id: str | None) -> None:
    fields = told.fields
    folding.done.append((id, kind, str(told.position), fields["decided_at_ms"], fields.get("quantity"), reservation_id))


_EFFECTS: dict[str, Callable[[_Folding, Told, Fields], None]] = {
    "reserved": _reserved,
    "extended": _extended,
    "committed": _committed,
    "released": _released,
    "expired": _expired,
    "applied": _applied,
    "insufficient_stock": _refused,
    "insufficient_channel_stock": _refused,
}
"""What each outcome does; the others do nothing to the ledger."""
