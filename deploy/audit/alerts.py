"""Alerts against the log: each crossing of a reorder point must have been told, and none that was not so.

Each fall must have triggered a reorder, told beside it: none can be open then, since the rise before it closed the last one.

The ledger judges a crossing at the end of each of its windows, and where these ended only it knows: as an alert's id it tells
`partition/seq/position` (a reorder `.../reorder`), the seq being that of the window's last decision. So each alert can be held
against the log as it was there.
What had to be told follows from the windows that the ledger still remembers (`LedgerView.windows`): who was low at the end of one and
is not at the end of the next, or the reverse, has crossed. Before the first of them only this is sure: who is low was told to be once.
"""

import re
from collections import defaultdict
from collections.abc import Set
from typing import Any, NamedTuple

from onhand.deploy.audit.books import Books
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import LedgerView
from onhand.deploy.audit.record import Record
from onhand.schemas.events import REORDER_TRIGGERED, STOCK_LOW, STOCK_RECOVERED, StockAlert
from onhand.schemas.positions import position_key

_ID = re.compile(rb"(\d{1,10})/([1-9]\d{0,15})/(.+)")
"""Partition, seq, and position or what `_subject` makes of it; more digits no number of ours has."""


class Alert(NamedTuple):
    """What an alert says of a position; `suggested` where it is low."""

    kind: str
    available: int
    reorder_point: int | None
    suggested: int | None
    at_ms: int


Told = defaultdict[tuple[str, str], set[Alert]]
"""What was told of a window, by position and kind."""


class Alerts:
    """The alerts of one partition: first `hear` the topic's records, then `enter` the decisions that the log must have.

    `whole`: the topic has lost none of its records; otherwise what is missing there is no loss.
    """

    def __init__(self, partition: int, ledger: LedgerView, whole: bool, findings: Findings) -> None:
        self.late = 0
        """Crossings of the last window that are not told yet."""
        self._partition = partition
        self._ledger = ledger
        self._whole = whole
        self._findings = findings
        self._first = min(ledger.windows)
        self._told: defaultdict[int, Told] = defaultdict(lambda: defaultdict(set))
        """By seq; what was held against the log is dropped."""
        self._available: dict[str, int] = {}
        self._touched: set[str] = set()
        self._low: set[str] = set()
        """At the end of the last window."""
        self._ever: set[tuple[str, str]] = set()
        """Positions and kinds that were told."""

    def hear(self, record: Record) -> None:
        """A record of `inventory.alerts`; the same again is no other."""
        kind = (record.header("ce_type") or b"").decode(errors="replace")
        if kind not in (STOCK_LOW, STOCK_RECOVERED, REORDER_TRIGGERED):
            return
        event, id = record.word(StockAlert), _ID.fullmatch(record.header("ce_id") or b"")
        position = position_key(event.sku_id, event.warehouse_id) if event is not None else ""
        if event is None or id is None or (int(id[1]), id[3]) != (self._partition, _subject(position, kind)):
            self._findings.differ("alert", self._partition, f"offset {record.offset}", "of a window", record.value)
            return
        alert = Alert(kind, event.available_qty, event.reorder_point, event.suggested_quantity, event.occurred_at_ms)
        self._told[int(id[2])][position, kind].add(alert)

    @property
    def missing(self) -> bool:
        """Whether a crossing of the last window is not told yet; those of earlier ones were told before it was written.

        Never where the topic has lost records: the crossing may have been told in one of them.
        """
        return self._whole and not self._ledger.crossings <= self._told.get(self._ledger.seq, {}).keys()

    def enter(self, decision: dict[str, Any], books: Books) -> None:
        """The next decision; `books` have it already."""
        seq, at_ms = decision["seq"], decision["decided_at_ms"]
        if seq > self._ledger.seq:
            return
        if books.reorders and "sku_id" in decision:
            position = position_key(decision["sku_id"], decision["warehouse_id"])
            if position in books.reorders:
                self._available[position] = decision["available_qty"]
                self._touched.add(position)
        told: Told = self._told.pop(seq, defaultdict(set))
        for (name, kind), alerts in told.items():
            wanted = self._now(name, kind, at_ms, books)
            for alert in alerts:
                self._findings.expect("alert", self._partition, f"{name} at seq {seq}", wanted, alert)
        self._ever |= told.keys()
        if seq in self._ledger.windows:
            self._window_ends(seq, books, told.keys())

    def _now(self, position: str, kind: str, at_ms: int, books: Books) -> Alert | None:
        """What may be told of a position, instead of an alert of that kind."""
        if position not in self._available:
            return None
        (point, _), available = books.reorders[position], self._available[position]
        if not self._is_low(position, books):
            return Alert(STOCK_RECOVERED, available, point, None, at_ms)
        kind = REORDER_TRIGGERED if kind == REORDER_TRIGGERED else STOCK_LOW
        return Alert(kind, available, point, books.suggestion(position, at_ms), at_ms)

    def _is_low(self, position: str, books: Books) -> bool:
        point, _ = books.reorders[position]
        return point > 0 and self._available[position] <= point

    def _window_ends(self, seq: int, books: Books, told: Set[tuple[str, str]]) -> None:
        for position in self._touched:
            low = self._is_low(position, books)
            if low != (position in self._low):
                self._low ^= {position}
                for kind in (STOCK_LOW, REORDER_TRIGGERED) if low else (STOCK_RECOVERED,):
                    self._crossed(seq, position, kind, told)
        self._touched.clear()

    def _crossed(self, seq: int, position: str, kind: str, told: Set[tuple[str, str]]) -> None:
        if not self._whole:
            return
        was_told = (position, kind) in (self._ever if seq == self._first else told)
        if not was_told and seq == self._ledger.seq and (position, kind) in self._ledger.crossings:
            self.late += 1
        else:
            found = kind if was_told else None
            self._findings.expect("alert", self._partition, f"{position} at seq {seq}", kind, found)


def _subject(position: str, kind: str) -> bytes:
    """How an alert of that kind names the position in its id: two of one window must not have the same."""
    return (f"{position}/reorder" if kind == REORDER_TRIGGERED else position).encode()
