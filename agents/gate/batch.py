"""From records to the rows that the script decides."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from onhand.agents.inbox import weigh
from onhand.agents.ports import Record
from onhand.lua.format import Row
from onhand.schemas.admission import Admitted, admit
from onhand.schemas.commands import Extend, Op, Reserve, Sweep
from onhand.schemas.signing import Keyring

UNITS = 500
"""Work in one call of the script: more buys nothing and stalls readers."""


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

    def __init__(self, partition: int, partitions: int, keyring: Keyring, sweep_limit: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._keyring = keyring
        self._sweep_units = sweep_limit

    def prepare(self, records: Sequence[Record]) -> Iterator[Prepared]:
        """The records, cut so that no call holds more than `UNITS` of work (a sweep counts its limit)."""
        batch, units = Prepared([], [], []), 0
        for record in records:
            admitted = self._admit(record)
            cost = self._sweep_units if admitted.op is Op.SWEEP else weigh(record)
            if batch.records and units + cost > UNITS:
                yield batch
                batch, units = Prepared([], [], []), 0
            units += cost
            batch.records.append(record)
            batch.admitted.append(admitted)
            batch.rows.append(_row(record, admitted))
        if batch.records:
            yield batch

    def again(self, records: Sequence[Record]) -> Prepared:
        """Records that are decided already, for telling their stored outcomes."""
        return Prepared(list(records), [self._admit(record) for record in records], [])

    def _admit(self, record: Record) -> Admitted:
        return admit(record.value, record.headers, self._partition, self._partitions, self._keyring)


def _row(record: Record, admitted: Admitted) -> Row:
    """The row of a record; its columns are those of `onhand.lua.format.Row`."""
    op, command, position, body, quantity, _, _ = admitted
    offset, at_ms = record.offset, record.timestamp
    if type(command) is Reserve:
        wish = command.ttl_ms, command.channel, command.order_id
        return op, offset, at_ms, command.id, position, quantity, body, None, *wish
    if command is None or type(command) is Sweep:
        return op, offset, at_ms, None, position, None, 0, None, None, None, None
    ttl_ms = command.ttl_ms if type(command) is Extend else None
    return op, offset, at_ms, command.id, position, quantity, body, command.target, ttl_ms, None, None


def record_hash(record: Record) -> str:
    """64 bits of a record's value, by which the gate knows its log again."""
    return blake2b(record.value or b"", digest_size=8).hexdigest()
