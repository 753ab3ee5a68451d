"""The intake: decision records become decisions in order of seq, each once, and are cut into windows. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic_core import from_json

from onhand.agents.ledger.fold import Fields, Told
from onhand.agents.ports import Record
from onhand.schemas.events import TRACE_HEADER


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
            fields = decode(record)
            if fields is None:
                self.strange.append(offset)
            seq = 0 if fields is None else fields["seq"]
            if seq > expected:
                return Jump(expected, seq, offset)
            self.next_offset = offset + 1
            if fields is not None and seq == expected:
                take(_told(record, fields, offset + 1))
                self.seq = expected
                expected += 1
        return None

    def heal(self, records: Sequence[Record], end: int, jump: Jump) -> bool:
        """Take in records that were read again, whose decisions may stand out of order; False where some are missing still.

        All that is taken counts as read only with the last of it: until then a restart reads the whole range again.
        """
        start = self.next_offset
        decided: dict[int, tuple[Record, Fields]] = {}
        for record in records:
            fields = decode(record)
            if fields is not None and fields["seq"] > self.seq:
                decided.setdefault(fields["seq"], (record, fields))
        run: list[tuple[Record, Fields]] = []
        while (found := decided.pop(self.seq + len(run) + 1, None)) is not None:
            run.append(found)
        if self.seq + len(run) < jump.seq:
            return False
        self.pending.extend(_told(record, fields, start) for record, fields in run)
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
            if _is_last(pending[end - 1].fields):
                return end
        for end in range(limit + 1, len(pending) + 1):
            if _is_last(pending[end - 1].fields):
                return end
        return 0


def decode(record: Record) -> Fields | None:
    """The fields of a decision; None where the record is none."""
    try:
        fields = from_json(record.value or b"", cache_strings="keys")  # ids come once: caching them costs a quarter
        if (
            type(fields["seq"]) is int
            and type(fields["source_offset"]) is int
            and type(fields["decided_at_ms"]) is int
            and type(fields["outcome"]) is str
            and ("sku_id" in fields) is ("warehouse_id" in fields)
            and ("index" in fields) is ("of" in fields)
        ):
            return fields  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError):
        return None
    return None


def _told(record: Record, fields: Fields, next_offset: int) -> Told:
    position = f"{fields['sku_id']}:{fields['warehouse_id']}" if "sku_id" in fields else None
    headers, trace = record.headers, None
    if headers:
        trace = next((value for name, value in headers if name == TRACE_HEADER), None)
    return Told(next_offset, position, fields, trace)


def _generation(told: Told, generation_ms: int) -> int:
    """Of the ids that are done at its clock, which never falls."""
    clock_ms: int = told.fields["decided_at_ms"]
    return clock_ms // generation_ms


def _is_last(fields: Fields) -> bool:
    """Whether it is the last decision of its command."""
    return "of" not in fields or bool(fields["index"] == fields["of"] - 1)
