"""What the ledger holds, read from PostgreSQL in one snapshot: the auditor's own few lines."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString, NamedTuple

import ormsgpack
from psycopg import Connection

from onhand.deploy.audit.books import Open, Tallies, reservation_row
from onhand.deploy.audit.memories import enter, unpacked
from onhand.schemas.events import REORDER_TRIGGERED, STOCK_LOW, STOCK_RECOVERED
from onhand.schemas.partitioner import partition_of
from onhand.schemas.positions import position_key

_PIECE = 20_000
_LARGE_PIECE = 200
"""Of rows that each hold thousands of ids."""


class Row(NamedTuple):
    """A row of `inventory`."""

    available: int = 0
    reserved: int = 0
    total: int = 0
    version: int = 0
    reorder_point: int = 0
    reorder_quantity: int = 0


@dataclass
class LedgerView:
    """A partition of the ledger: all decisions up to `seq`, the last of them that of the command at `source_offset`.

    `newest` is the greatest movement_id by position; `last_window` counts by position the events that lie beside the
    watermark: so many may not be announced yet, and no more. `refused` are units by day (since the epoch) and position.
    `windows` are the seqs at which the last windows ended, without a gap but for those that changed nothing; `crossings` are the
    positions that crossed their reorder point in the last one, with the kind of each alert that it tells of it.
    """

    seq: int
    source_offset: int
    clock: int
    window_ms: int
    sweep_limit: int
    positions: dict[str, Row] = field(default_factory=dict)
    reservations: Tallies = field(default_factory=Tallies)
    movements: Tallies = field(default_factory=Tallies)
    newest: dict[str, str] = field(default_factory=dict)
    last_window: Counter[str] = field(default_factory=Counter)
    remembered: Tallies = field(default_factory=Tallies)
    refused: Counter[tuple[int, str]] = field(default_factory=Counter)
    windows: set[int] = field(default_factory=set)
    crossings: set[tuple[str, str]] = field(default_factory=set)


_PARTITIONS: LiteralString = """
SELECT partition, events, crossings, seq, source_offset, clock_ms, window_ms, sweep_limit FROM ledger_partitions"""
_INVENTORY: LiteralString = """
SELECT partition, sku_id, warehouse_id, available_qty, reserved_qty, total_qty, version, reorder_point, reorder_quantity
FROM inventory"""
_HELD: LiteralString = """
SELECT partition, sku_id, warehouse_id, coalesce(ended_as::text, status::text), reservation_id::text, quantity, order_id,
       channel, (extract(epoch FROM expires_at) * 1000)::bigint
FROM """
_MOVED: LiteralString = """
SELECT sku_id, source_warehouse, dest_warehouse, movement_type::text, quantity, reference_id,
       (extract(epoch FROM created_at) * 1000)::bigint, movement_id::text
FROM stock_movements"""
_REMEMBERED: LiteralString = "SELECT partition, seq, ids FROM remembered_ids"
_REFUSED: LiteralString = "SELECT partition, day - date '1970-01-01', sku_id, warehouse_id, units FROM refused_units"


def read_ledger(connection: "Connection[Any]") -> dict[int, LedgerView]:
    """All partitions of the ledger, as they were at one moment."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        partitions = connection.execute(_PARTITIONS).fetchall()
        views = {row[0]: LedgerView(*row[3:]) for row in partitions}
        for partition, sku_id, warehouse_id, *numbers in _rows(connection, _INVENTORY):
            if partition in views:
                views[partition].positions[position_key(sku_id, warehouse_id)] = Row(*numbers)
        for table in ("reservations", "reservation_reuses"):
            _read_reservations(connection, table, views)
        _read_movements(connection, views)
        _read_remembered(connection, views)
        for partition, day, sku_id, warehouse_id, units in _rows(connection, _REFUSED):
            if partition in views:
                views[partition].refused[day, position_key(sku_id, warehouse_id)] = units
    for partition, events, crossings, *_ in partitions:
        view = views[partition]
        view.last_window = Counter(word for word in _words(events) if word in view.positions)
        view.windows.add(view.seq)
        view.crossings = {alert for row in crossings for alert in _alerts(row)}
    return views


def _alerts(crossing: dict[str, Any]) -> Iterator[tuple[str, str]]:
    position = position_key(crossing["sku_id"], crossing["warehouse_id"])
    yield position, STOCK_LOW if crossing["low"] else STOCK_RECOVERED
    if crossing.get("reorder_id") is not None:
        yield position, REORDER_TRIGGERED


def _words(events: bytes) -> list[str]:
    """Every string in the packed events of a window, which are a list of flat lists."""
    packed = ormsgpack.unpackb(events) if events else []
    return [word for part in packed if isinstance(part, list) for word in part if isinstance(word, str)]


def _read_reservations(connection: "Connection[Any]", table: LiteralString, views: dict[int, LedgerView]) -> None:
    for partition, sku_id, warehouse_id, stands, name, quantity, *order, expires in _rows(connection, _HELD + table):
        if partition in views:
            hold = Open(position_key(sku_id, warehouse_id), quantity, order[0], order[1], expires)
            views[partition].reservations.add(hold.position, stands, *reservation_row(name, hold))


def _read_movements(connection: "Connection[Any]", views: dict[int, LedgerView]) -> None:
    for sku_id, source, destination, kind, quantity, reference, at, name in _rows(connection, _MOVED):
        position = position_key(sku_id, destination if source is None else source)
        view = views.get(partition_of(position, len(views)))
        if view is not None:
            view.movements.add(position, kind, quantity, reference, at)
            view.newest[position] = max(view.newest.get(position, ""), name)


def _read_remembered(connection: "Connection[Any]", views: dict[int, LedgerView]) -> None:
    for partition, seq, ids in _rows(connection, _REMEMBERED, _LARGE_PIECE):
        view = views.get(partition)
        if view is None:
            continue
        view.windows.add(seq)
        for id, at_ms, memory in unpacked(ids):
            generation = at_ms // view.window_ms
            if generation >= view.clock // view.window_ms - 1:  # older ones are forgotten, but not yet deleted
                enter(view.remembered, generation, id, memory)


def _rows(connection: "Connection[Any]", query: LiteralString, piece: int = _PIECE) -> Iterator[tuple[Any, ...]]:
    """Rows in pieces, by a cursor of the server's."""
    with connection.cursor("audit") as cursor:
        cursor.itersize = piece
        yield from cursor.execute(query)
