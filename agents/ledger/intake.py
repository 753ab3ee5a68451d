"""The intake: decision records become decisions in order of seq, each once, and are cut into windows. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from onhand.agents.ledger.folding import Told
from onhand.agents.ports import Record
from onhand.schemas.decisions import Decision
from onhand.schemas.events import trace_of


class Jump(NamedTuple):
    """At `offset` stands the decision `seq`, and those from `expected` on were not seen."""

    expected: int
    seq: int
    offset: int


class Intake:
    """Decisions that are not in a window yet; `seq` is the last one taken in, `next_offset` the next to be read."""

    def __init__(self, seq: int, next_offset: int) -> None:
        self.seq = seq
        self.next_offset = next_offset
        self.pending: list[Told] = []
        self.strange: list[int] = []
        """Offsets of records that are no decisions, for whoever tells of them."""

    def take(self, records: Iterable[Record]) -> Jump | None:
        """Take in what is new of records in offset order; stops before a jump in seq and tells it.

        What was taken before is dropped, and what is no decision: if one was lost with it, the next tells by its seq.
        """
        expected, take = self.seq + 1, self.pending.append
        for record in records:
            offset = record.offset
            if offset < self.next_offset:
                continue
            decision = decode(record)
            if decision is None:
                self.strange.append(offset)
            elif decision.seq > expected:
                return Jump(expected, decision.seq, offset)
            self.next_offset = offset + 1
            if decision is not None and decision.seq == expected:
                take(_told(record, decision, offset + 1))
                self.seq = expected
                expected += 1
        return None

    def heal(self, records: Sequence[Record], end: int, jump: Jump) -> bool:
        """Take in records that were read again, whose decisions may stand out of order; False where some are missing still.

        All that is taken counts as read only with the last of it: until then a restart reads the whole range again.
        """
        start = self.next_offset
        decided: dict[int, tuple[Record, Decision]] = {}
        for record in records:
            decision = decode(record)
            if decision is not None and decision.seq > self.seq:
                decided.setdefault(decision.seq, (record, decision))
        run: list[tuple[Record, Decision]] = []
        while (found := decided.pop(self.seq + len(run) + 1, None)) is not None:
            run.append(found)
        if self.seq + len(run) < jump.seq:
            return False
        self.pending.extend(_told(record, decision, start) for record, decision in run)
        self.next_offset = min((record.offset for record, _ in decided.values()), default=end)
        self.pending[-1] = self.pending[-1]._replace(next_offset=self.next_offset)
        self.seq += len(run)
        return True

    def cut(self, limit: int, generation_ms: int) -> list[Told]:
        """The next window: `limit` decisions or so, ending with the last of a command; empty where that is to come.

        It stays within one generation of ids, so that no id can end, be forgotten and begin anew in it (when far behind).
        """
        end = self._border(limit)
        if end:
            generation = _generation(self.pending[0], generation_ms)
            if _generation(self.pending[end - 1], generation_ms) != generation:
                end = bisect_right(self.pending, generation, 0, end, key=lambda told: _generation(told, generation_ms))
        window, self.pending = self.pending[:end], self.pending[end:]
        return window

    def _border(self, limit: int) -> int:
        """The last border between commands up to `limit`, or else the first one after it; 0 where there is none."""
        pending = self.pending
        for end in range(min(limit, len(pending)), 0, -1):
            if _is_last(pending[end - 1].decision):
                return end
        for end in range(limit + 1, len(pending) + 1):
            if _is_last(pending[end - 1].decision):
                return end
        return 0


def decode(record: Record) -> Decision | None:
    """The decision in a record; None where it is none."""
    try:
        decision = Decision.from_json(record.value or b"")
    except ValueError:
        return None
    halves = (decision.sku_id is None) is not (decision.warehouse_id is None)
    return None if halves or (decision.index is None) is not (decision.of is None) else decision


def _told(record: Record, decision: Decision, next_offset: int) -> Told:
    trace = trace_of(record.headers) if record.headers else None
    return Told(next_offset, decision.position, decision, trace)


def _generation(told: Told, generation_ms: int) -> int:
    """Of the ids that are done at its clock, which never falls."""
    return told.decision.decided_at_ms // generation_ms


def _is_last(decision: Decision) -> bool:
    """Whether it is the last decision of its command."""
    return decision.of is None or decision.index == decision.of - 1
