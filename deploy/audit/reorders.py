"""Rows of `reorders` and `low_stock` against the log.

Where the ledger's windows ended only it knows; but a row's id is made of its window's last seq, so each is looked for behind the
records that have its clock, and held against the log as it was there. Which rows there must be is known of the newest fall alone: a
position that is low has had one that is not closed, one that is not low has none that is open. Falls between were told, which
`alerts` sees to.
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onhand.deploy.audit.books import Books
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import LedgerView, ReorderRow
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.state import Stock
from onhand.schemas.positions import position_key

_KIND = "ledger reorders"


@dataclass(slots=True)
class _Followed:
    """A row from its window on; `received` are the units of receives since."""

    row: ReorderRow
    received: int = 0


class Reorders:
    """Those of one partition: `enter` its records up to the ledger's mark, then `compare`."""

    def __init__(self, oracle: Oracle, books: Books, ledger: LedgerView, findings: Findings) -> None:
        self._oracle, self._books, self._ledger, self._findings = oracle, books, ledger, findings
        self._opening: defaultdict[int, list[ReorderRow]] = defaultdict(list)
        """Not found yet, by the clock at which they were opened."""
        self._followed: defaultdict[str, list[_Followed]] = defaultdict(list)
        """Not ended yet, by position."""
        self._ending: defaultdict[int, list[_Followed]] = defaultdict(list)
        """Of those the ones that have ended in the ledger, by the clock at which they did."""
        for row in ledger.reorders:
            self._opening[row.opened_at_ms].append(row)

    def enter(self, decisions: Sequence[dict[str, Any]]) -> None:
        """All decisions of the next record; model and books have them already."""
        if not decisions or not self._ledger.reorders or decisions[-1]["seq"] > self._ledger.seq:
            return
        at_ms = decisions[-1]["decided_at_ms"]
        for decision in decisions:
            if decision.get("type") == "receive" and decision["outcome"] == "applied" and not decision.get("replayed"):
                for each in self._followed.get(position_key(decision["sku_id"], decision["warehouse_id"]), ()):
                    each.received += decision["quantity"]
        for each in [each for each in self._ending.get(at_ms, ()) if self._ends(each)]:
            self._ending[at_ms].remove(each)
            self._followed[each.row.position].remove(each)
        if at_ms in self._opening:
            self._opening[at_ms] = [row for row in self._opening[at_ms] if not self._begins(row, at_ms)]

    def compare(self) -> None:
        """All rows, at the mark."""
        partition = self._oracle.partition
        for row in (row for rows in self._opening.values() for row in rows):
            self._findings.differ(_KIND, partition, row.position, "a window that opened it", row)
        for each in (each for followed in self._followed.values() for each in followed):
            wanted = each.row._replace(received=each.received, status="open", closed_at_ms=None)
            self._findings.expect(_KIND, partition, each.row.position, wanted, each.row)
        newest = {row.position: row.status for row in sorted(self._ledger.reorders, key=_age)}
        for position in self._books.reorders.keys() | self._ledger.low | newest.keys():
            low = self._is_low(position)
            self._findings.expect("ledger low stock", partition, position, low, position in self._ledger.low)
            stands = newest.get(position)
            if (stands not in ("open", "received")) if low else (stands == "open"):
                wanted_now = "open or received" if low else "none open"
                self._findings.differ(_KIND, partition, f"{position} newest", wanted_now, stands)

    def _begins(self, row: ReorderRow, at_ms: int) -> bool:
        """Whether the window that opened it ended with the record at hand."""
        partition, seq = self._oracle.partition, self._oracle.seq
        if row.id != _id(partition, seq, row.position):
            return False
        point, _ = self._books.reorders.get(row.position, (0, 0))
        wanted = (self._is_low(row.position), point, self._books.suggestion(row.position, at_ms))
        self._findings.expect(
            _KIND, partition, f"{row.position} at seq {seq}", wanted, (True, row.point, row.suggested)
        )
        followed = _Followed(row)
        self._followed[row.position].append(followed)
        if row.closed_at_ms is not None:
            self._ending[row.closed_at_ms].append(followed)
        return True

    def _ends(self, each: _Followed) -> bool:
        """Whether its end may have been judged behind the record at hand."""
        row = each.row
        if row.received != each.received:
            return False
        if row.status == "received":
            return row.received >= row.suggested
        return row.status == "closed" and row.received < row.suggested and not self._is_low(row.position)

    def _is_low(self, position: str) -> bool:
        point, _ = self._books.reorders.get(position, (0, 0))
        return point > 0 and self._oracle.positions.get(position, Stock()).available <= point


def _id(partition: int, seq: int, position: str) -> str:
    """Of the row that a window opened: a UUID of version 8 over the name of the event that told it."""
    name = hashlib.sha256(f"{partition}/{seq}/{position}".encode()).hexdigest()
    return str(uuid.UUID(f"{name[:12]}8{name[13:16]}a{name[17:32]}"))


def _age(row: ReorderRow) -> tuple[int, bool, int]:
    return row.opened_at_ms, row.closed_at_ms is None, row.closed_at_ms or 0
