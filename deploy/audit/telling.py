"""The decisions as they stand in their topic, against those that the log must have."""

import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

from pydantic_core import from_json

from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.record import Record
from onhand.schemas import decisions
from onhand.schemas.events import TRACE_HEADER
from onhand.schemas.positions import position_key

Decision = dict[str, Any]
PATIENCE_S = 10.0
_FAR = 100_000
"""So far above all that is known stands no decision: that is a stranger's, and what comes after it is read on."""
_KEY, _TRACE = "(key)", "(traceparent)"
"""What a record tells besides its value, among the fields of a decision."""


class Telling:
    """Takes a partition's decisions as every consumer must: drops what is not above the last seq.

    `records` are those of the topic in order; a None among them says that no more is there yet. Decisions of commands before
    `certain` must be there already; for later ones it waits, `PATIENCE_S` in all, and then counts them as not told yet.
    `aged`: the topic's beginning is gone, so decisions before the first one that is left are no loss. `last`: the seq that the
    stores have reached.
    """

    def __init__(
        self,
        partition: int,
        records: Iterator[Record | None],
        certain: int,
        findings: Findings,
        clock: Callable[[], float] = time.monotonic,
        aged: bool = False,
        last: int = 0,
    ) -> None:
        self.untold = 0
        self.strange = 0
        """Records that are no decisions; the ledger passes over them too."""
        self._partition = partition
        self._records = records
        self._certain = certain
        self._findings = findings
        self._clock = clock
        self._aged = aged
        self._last = last
        self._deadline = clock() + PATIENCE_S
        self._ahead: Decision | None = None
        self._hashes = array("q")
        self._first: int | None = None

    def check(self, wanted: Decision, trace: bytes | None = None) -> None:
        """The next decision that the log must have, with the traceparent of its command."""
        wanted = wanted | {_KEY: _key(wanted), _TRACE: trace}
        seq = wanted["seq"]
        found = self._take(seq, wait=wanted["source_offset"] >= self._certain)
        if found is not None:
            self._findings.compared["decision"] += 1
            if found != wanted:
                self._findings.differ("decision", self._partition, f"seq {seq}", *_unlike(wanted, found))
        elif self._aged and self._is_before(seq, wanted["source_offset"]):
            return  # older than what the topic keeps
        elif wanted["source_offset"] >= self._certain and self._ahead is None:
            self.untold += 1
        else:
            self._findings.differ("decision", self._partition, f"seq {seq}", wanted, None)

    def _is_before(self, seq: int, source_offset: int) -> bool:
        """Whether a decision may be older than the first one in the topic; where there is none, all that are certain may be."""
        return source_offset < self._certain if self._first is None else seq < self._first

    def finish(self, end: int, seq: int) -> None:
        """The log up to offset `end` has given `seq` decisions: there must be no more for it."""
        while (found := self._next(wait=False)) is not None:
            self._ahead = None
            if found["source_offset"] <= end and found["seq"] > seq:
                self._findings.differ("decision", self._partition, f"seq {found['seq']}", None, found)

    def _take(self, seq: int, wait: bool) -> Decision | None:
        while (found := self._next(wait)) is not None and found["seq"] < seq:
            self._ahead = None
        if found is None or found["seq"] > seq:
            return None
        self._ahead = None
        return found

    def _next(self, wait: bool) -> Decision | None:
        """The decision at the head, repeats dropped; it stays there."""
        while self._ahead is None:
            record = next(self._records, None)
            if record is not None:
                self._ahead = self._first_telling(record)
            elif not wait or self._clock() > self._deadline:
                return None
        return self._ahead

    def _first_telling(self, record: Record) -> Decision | None:
        decision = _decoded(record)
        if decision is None:
            self.strange += 1
            return None
        seq, trace = decision["seq"], record.header(TRACE_HEADER)
        first = seq if self._first is None else self._first
        known = first + len(self._hashes)
        if not 0 < seq <= max(known if self._hashes else 0, self._last) + _FAR:
            self._findings.differ("decision", self._partition, f"seq {seq}", "one of this log", decision)
            return None
        self._first, mark = first, hash((record.key, record.value, trace))
        if seq < known:
            if seq >= first and self._hashes[seq - first] not in (0, mark):
                self._findings.differ("decision", self._partition, f"seq {seq}", "the same again", "another repeat")
            return None
        self._hashes.extend([0] * (seq - known) + [mark])
        return decision | {_KEY: record.key, _TRACE: trace}


def _decoded(record: Record) -> Decision | None:
    """The decision in a record, with all of its fields; None for what is none to the ledger either."""
    decision = record.word(decisions.Decision)
    if decision is None:
        return None
    halves = (decision.sku_id is None) is not (decision.warehouse_id is None)
    if halves or (decision.index is None) is not (decision.of is None):
        return None
    try:
        found: Decision = from_json(record.value or b"")
    except ValueError:  # in a field that the ledger does not read
        return None
    return found


def _key(decision: Decision) -> bytes | None:
    return position_key(decision["sku_id"], decision["warehouse_id"]).encode() if "sku_id" in decision else None


def _unlike(wanted: Decision, found: Decision) -> tuple[Decision, Decision]:
    """Only the fields that differ, with where to look."""
    names = [name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)]
    where = {name: wanted[name] for name in ("sku_id", "warehouse_id", "source_offset") if name in wanted}
    return where | {n: wanted.get(n) for n in sorted(names)}, {n: found.get(n) for n in sorted(names)}
