"""What became durable must have been announced: `inventory.stock` and `inventory.ledger` against the ledger's rows.

Both topics are read as consumers must read them: a record may come again, and a late one may stand behind a newer. What is no event is
passed over.
"""

from collections.abc import Mapping

from onhand.deploy.audit.books import Key, Tallies, Tally
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.ledger_view import LedgerView, Row, own_end
from onhand.deploy.audit.record import Record
from onhand.schemas.events import (
    MOVEMENT_RECORDED,
    RESERVATION_COMMITTED,
    TRACE_HEADER,
    MovementRecorded,
    ReservationCommitted,
    StockChanged,
)
from onhand.schemas.positions import position_key


class Announcements:
    """The events of one partition, up to what the ledger's snapshot shows; later ones are of later."""

    def __init__(self, partition: int, ledger: LedgerView, findings: Findings, partitions: int = 1) -> None:
        self._partition = partition
        self._partitions = partitions
        self._ledger = ledger
        self._findings = findings
        self._stock: dict[str, tuple[int, ...]] = {}
        self._told = Tallies()
        self._newest_commit: dict[str, int] = {}
        self._newest_movement = ""

    def stock(self, record: Record) -> None:
        """A record of `inventory.stock`."""
        event = record.word(StockChanged)
        if event is None:
            return
        position = position_key(event.sku_id, event.warehouse_id)
        numbers = event.available_qty, event.reserved_qty, event.total_qty, event.version
        known = self._stock.get(position)
        if known is None or numbers[-1] > known[-1]:
            self._stock[position] = numbers
        elif numbers[-1] == known[-1] and numbers != known:
            self._findings.differ("stock topic", self._partition, f"{position} version {numbers[-1]}", known, numbers)

    def ledger(self, record: Record) -> None:
        """A record of `inventory.ledger`."""
        kind, trace = record.header("ce_type"), record.header(TRACE_HEADER)
        if kind == RESERVATION_COMMITTED.encode() and (sale := record.word(ReservationCommitted)) is not None:
            self._committed(sale, trace)
        elif kind == MOVEMENT_RECORDED.encode() and (movement := record.word(MovementRecorded)) is not None:
            self._moved(movement, trace)

    def _committed(self, sale: ReservationCommitted, trace: bytes | None) -> None:
        position, version = position_key(sale.sku_id, sale.warehouse_id), sale.version
        if not self._newest_commit.get(position, 0) < version <= self._ledger.positions.get(position, Row()).version:
            return
        self._newest_commit[position] = version
        told = (sale.reservation_id, sale.order_id, sale.line, version, sale.occurred_at_ms, trace)
        self._told.add(position, "commit", sale.quantity, *told)

    def _moved(self, movement: MovementRecorded, trace: bytes | None) -> None:
        source, destination, name = movement.source_warehouse, movement.dest_warehouse, movement.movement_id
        warehouse_id = source if destination is None else destination
        if warehouse_id is None:
            return
        position, way = position_key(movement.sku_id, warehouse_id), tuple[int, ...]()
        if source is not None and destination is not None:
            way = source, destination
            position = own_end(movement.sku_id, source, destination, self._partition, self._partitions)
        if not self._newest_movement < name <= self._ledger.newest.get(position, ""):
            return
        self._newest_movement = name
        self._told.add(position, movement.movement_type, movement.quantity, *way, movement.reference_id, trace)

    def missing(self, wanted: Mapping[Key, Tally]) -> bool:
        """Whether something is not announced (yet)."""
        behind = any(self._told.get(key, Tally()).rows < tally.rows for key, tally in wanted.items())
        return behind or any(
            self._stock.get(position, (0,))[-1] < row.version for position, row in self._ledger.positions.items()
        )

    def compare(self, wanted: Mapping[Key, Tally] | None) -> None:
        """`wanted`: what the log says is to be announced; None where the log is not whole."""
        late: set[str] = set()
        for position, row in self._ledger.positions.items():
            told = self._stock.get(position, (0, 0, 0, 0))
            self._findings.compared["stock topic"] += 1
            if told[-1] < row.version and position in self._ledger.last_window:
                late.add(position)
            elif told[-1] < row.version or (told[-1] == row.version and told != row[:4]):
                self._findings.differ("stock topic", self._partition, position, row[:4], told)
        for key in wanted.keys() | self._told.keys() if wanted is not None else ():
            tally, found = (wanted or {}).get(key, Tally()), self._told.get(key, Tally())
            if 0 < tally.rows - found.rows <= self._ledger.last_window.get(key[0], 0):
                late.add(key[0])
            else:
                self._findings.expect("ledger topic", self._partition, " ".join(key), tally, found)
        if late:
            note = f"partition {self._partition}: {len(late)} positions of the last window are not announced yet"
            self._findings.notes.append(note)
