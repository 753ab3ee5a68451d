"""What a window comes to while its decisions are folded, one after the other. Pure."""

from typing import Any, NamedTuple

from onhand.schemas.decisions import Decision
from onhand.sql import remembered
from onhand.sql.remembered import DoneRow, Entry, Kind
from onhand.sql.window import Change, End, Hold, Movement, Note, Reorder, Sale, Transfer, Window


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

HoldKey = str | tuple[str, int]
"""A one-line reservation, or a line of an order."""


def hold_key(told: Told) -> HoldKey:
    """Which hold a decision is about."""
    decision: Checked = told.decision
    id: str = decision.reservation_id
    return id if decision.use is None else (id, decision.line)


class Folding:
    """What has been folded so far."""

    __slots__ = ("begun", "done", "ended", "ended_ids", "extended", "first", "last", "movements", "notes",
                 "partition", "refused", "reorders", "sales", "seen", "transfers", "uses")  # fmt: skip

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.first: dict[str, tuple[int, int]] = {}
        self.last: dict[str, Told] = {}
        self.begun: dict[HoldKey, tuple[Told, End | None]] = {}
        self.ended: dict[End, list[str]] = {"committed": [], "released": [], "expired": []}
        self.ended_ids: set[HoldKey] = set()
        self.extended: dict[str, int] = {}
        self.sales: list[Sale] = []
        self.movements: list[Movement] = []
        self.reorders: dict[str, Told] = {}
        self.refused: dict[tuple[int, str], int] = {}
        self.done: list[DoneRow] = []
        self.notes: list[Note] = []
        self.uses: dict[tuple[int, str], Entry] = {}
        """What is remembered of orders and the like: by the command's offset and the id."""
        self.transfers: dict[tuple[str, int, int], Transfer] = {}
        self.seen: dict[int, tuple[int, int]] = {}

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
        key = hold_key(told)
        begun = self.begun.get(key)
        if begun is not None and begun[1] is None:
            self.begun[key] = (begun[0], how)
        elif begun is not None or key in self.ended_ids:
            self.note("ended_twice", told, f"reservation {reservation_id}")
        else:
            self.ended_ids.add(key)
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
            holds=[_hold(told, ended) for told, ended in self.begun.values()],
            ended=self.ended,
            extended=self.extended,
            sales=self.sales,
            movements=self.movements,
            transfers=[self.transfers[key] for key in sorted(self.transfers)],
            seen=self.seen,
            reorders=[self._reorder(told) for told in self.reorders.values()],
            refused=self.refused,
            notes=self.notes,
            remembered=remembered.encode(self.done, list(self.last), list(self.uses.values())),
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


def _hold(told: Told, ended: End | None) -> Hold:
    decision: Checked = told.decision
    return Hold(
        decision.reservation_id,
        decision.line,
        str(told.position),
        decision.quantity,
        decision.order_id,
        decision.channel,
        decision.expires_at_ms,
        ended,
        None if decision.use is None else decision.use.to_json().decode(),
    )
