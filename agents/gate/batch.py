"""From records to the rows that the script decides."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from onhand.agents.gate.place import Place
from onhand.agents.gate.rows import row_of
from onhand.agents.inbox import weigh
from onhand.agents.ports import Record
from onhand.lua.format import Row
from onhand.schemas.admission import Admitted, admit
from onhand.schemas.commands import Op

UNITS = 500
"""Work in one call of the script: more buys nothing and stalls readers."""

_SWEEP = Op.SWEEP


class Prepared(NamedTuple):
    """Records of one call, judged by themselves, and their rows."""

    records: list[Record]
    admitted: list[Admitted]
    rows: list[Row]

    @property
    def last(self) -> int:
        """The offset of the last record."""
        return self.records[-1].offset


class Admission:
    """Prepares the records of one partition."""

    def __init__(self, place: Place, sweep_limit: int) -> None:
        self._place = place
        self._sweep_units = sweep_limit

    def prepare(self, records: Sequence[Record]) -> Iterator[Prepared]:
        """The records, cut so that no call holds more than `UNITS` of work (a sweep counts its limit, an order its lines)."""
        batch, units = Prepared([], [], []), 0
        for record in records:
            admitted = self._admit(record)
            cost = self._sweep_units if admitted.op is _SWEEP else _cost(record, admitted)
            if batch.records and units + cost > UNITS:
                yield batch
                batch, units = Prepared([], [], []), 0
            units += cost
            batch.records.append(record)
            batch.admitted.append(admitted)
            batch.rows.append(row_of(record, admitted, self._place.partitions))
        if batch.records:
            yield batch

    def again(self, records: Sequence[Record]) -> Prepared:
        """Records that are decided already, for telling their stored outcomes."""
        return Prepared(list(records), [self._admit(record) for record in records], [])

    def _admit(self, record: Record) -> Admitted:
        return admit(record.value, record.headers, *self._place)


def _cost(record: Record, admitted: Admitted) -> int:
    weight = weigh(record)
    return weight if admitted.route is None else max(weight, len(admitted.route.leg.lines))


def record_hash(record: Record) -> str:
    """64 bits of a record's value, by which the gate knows its log again."""
    return blake2b(record.value or b"", digest_size=8).hexdigest()
