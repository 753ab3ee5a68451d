"""What the ledger holds, read from PostgreSQL in one snapshot: the auditor's own few lines."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString, NamedTuple

import ormsgpack
from psycopg import Connection

from onhand.deploy.audit.books import Open, Tallies, order_use, reservation_row
from onhand.deploy.audit.gate_view import Stamps
from onhand.deploy.audit.memories import enter, unpacked
from onhand.deploy.audit.state import Memory
from onhand.deploy.audit.transit import Transit
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


class ReorderRow(NamedTuple):
    """A row of `reorders`. `status` is open, received or closed; `received` units."""

    id: str
    position: str
    suggested: int
    point: int
    received: int
    status: str
    opened_at_ms: int
    closed_at_ms: int | None


@dataclass
class LedgerView:
    """A partition of the ledger: all decisions up to `seq`, the last of them that of the command at `source_offset`.

    `newest` is the greatest movement_id by position; `last_window` counts by position the events that lie beside the
    watermark: so many may not be announced yet, and no more. `refused` are units by day (since the epoch) and position.
    `windows` are the seqs at which the last windows ended, without a gap but for those that changed nothing; `crossings` are the
    positions that crossed their reorder point in the last one, with the kind of each alert that it tells of it. `brought` are units by
    position that transfers bring or take away, `transit` what of them is on its way here; `seen` the newest slips that decisions told.
    `low` are the positions of `low_stock`.
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
    brought: Counter[str] = field(default_factory=Counter)
    transit: Transit = field(default_factory=Transit)
    seen: Stamps = ()
    low: set[str] = field(default_factory=set)
    reorders: list[ReorderRow] = field(default_factory=list)


_PARTITIONS: LiteralString = """
SELECT partition, events, crossings, seen, seq, source_offset, clock_ms, window_ms, sweep_limit FROM ledger_partitions"""
_INVENTORY: LiteralString = """
SELECT partition, sku_id, warehouse_id, available_qty, reserved_qty, total_qty, version, reorder_point, reorder_quantity
FROM inventory"""
_HELD: LiteralString = """
SELECT partition, sku_id, warehouse_id, coalesce(ended_as::text, status::text), reservation_id::text, quantity, order_id,
       channel, (extract(epoch FROM expires_at) * 1000)::bigint, line, use
FROM """
_MOVED: LiteralString = """
SELECT sku_id, source_warehouse, dest_warehouse, movement_type::text, quantity, reference_id,
       (extract(epoch FROM created_at) * 1000)::bigint, movement_id::text
FROM stock_movements"""
_TRANSFERS: LiteralString = """
SELECT sku_id, dest_warehouse, transfer_id::text, (extract(epoch FROM opened_at) * 1000)::bigint, shipped, arrived, adjusted,
       status::text, source_warehouse, mode, (extract(epoch FROM expected_at) * 1000)::bigint, use
FROM transfers"""
_REMEMBERED: LiteralString = "SELECT partition, seq, ids FROM remembered_ids ORDER BY partition, seq"
_LOW: LiteralString = "SELECT sku_id, warehouse_id FROM low_stock"
_REORDERS: LiteralString = """
SELECT partition, reorder_id::text, sku_id, warehouse_id, suggested_quantity, reorder_point, received_units, status::text,
       (extract(epoch FROM opened_at) * 1000)::bigint, (extract(epoch FROM closed_at) * 1000)::bigint
FROM reorders"""
_REFUSED: LiteralString = "SELECT partition, day - date '1970-01-01', sku_id, warehouse_id, units FROM refused_units"


def read_ledger(connection: "Connection[Any]") -> dict[int, LedgerView]:
    """All partitions of the ledger, as they were at one moment."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        partitions = connection.execute(_PARTITIONS).fetchall()
        views = {row[0]: LedgerView(*row[4:]) for row in partitions}
        for partition, sku_id, warehouse_id, *numbers in _rows(connection, _INVENTORY):
            if partition in views:
                views[partition].positions[position_key(sku_id, warehouse_id)] = Row(*numbers)
        for table in ("reservations", "reservation_reuses"):
            _read_reservations(connection, table, views)
        _read_movements(connection, views)
        _read_transfers(connection, views)
        _read_remembered(connection, views)
        for partition, day, sku_id, warehouse_id, units in _rows(connection, _REFUSED):
            if partition in views:
                views[partition].refused[day, position_key(sku_id, warehouse_id)] = units
        _read_reorders(connection, views)
    for partition, events, crossings, seen, *_ in partitions:
        view = views[partition]
        view.seen = tuple(sorted((int(source), *place) for source, place in seen.items()))
        view.last_window = Counter(word for word in _words(events) if word in view.positions)
        view.windows.add(view.seq)
        view.crossings = {alert for row in crossings for alert in _alerts(row)}
    return views


def _read_reorders(connection: "Connection[Any]", views: dict[int, LedgerView]) -> None:
    for partition, id, sku_id, warehouse_id, *rest in _rows(connection, _REORDERS):
        if partition in views:
            views[partition].reorders.append(ReorderRow(id, position_key(sku_id, warehouse_id), *rest))
    for sku_id, warehouse_id in _rows(connection, _LOW):
        position = position_key(sku_id, warehouse_id)
        if (view := views.get(partition_of(position, len(views)))) is not None:
            view.low.add(position)


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
    for partition, sku_id, warehouse_id, stands, name, *rest in _rows(connection, _HELD + table):
        if partition in views:
            hold = Open(position_key(sku_id, warehouse_id), *rest)
            hold = hold._replace(use=order_use(rest[-1]))
            views[partition].reservations.add(hold.position, stands, *reservation_row(name, hold))


def _read_movements(connection: "Connection[Any]", views: dict[int, LedgerView]) -> None:
    for sku_id, source, destination, kind, quantity, reference, at, name in _rows(connection, _MOVED):
        position, way = position_key(sku_id, destination if source is None else source), tuple[int, ...]()
        view = views.get(partition_of(position, len(views)))
        if kind == "transfer":
            _bring(views, sku_id, source, destination, quantity)
            view, way = views.get(writer_of(name)), (source, destination)
            position = own_end(sku_id, source, destination, writer_of(name), len(views))
        if view is not None:
            view.movements.add(position, kind, quantity, *way, reference, at)
            view.newest[position] = max(view.newest.get(position, ""), name)


def writer_of(movement_id: str) -> int:
    """The partition whose decision a movement is of: 12 bits in the middle of its id, and 6 more at the end."""
    number = int(movement_id.replace("-", ""), 16)
    return (number >> 64 & 0xFFF) | (number & 0x3F) << 12


def own_end(sku_id: str, source: int, destination: int, partition: int, partitions: int) -> str:
    """The end of a transfer that is in that partition: its source, or where it is undone, the destination of the way back."""
    position = position_key(sku_id, source)
    return position if partition_of(position, partitions) == partition else position_key(sku_id, destination)


def _bring(views: dict[int, LedgerView], sku_id: str, source: int, destination: int, quantity: int) -> None:
    for warehouse_id, units in ((source, -quantity), (destination, quantity)):
        position = position_key(sku_id, warehouse_id)
        if (view := views.get(partition_of(position, len(views)))) is not None:
            view.brought[position] += units


def _read_transfers(connection: "Connection[Any]", views: dict[int, LedgerView]) -> None:
    for sku_id, warehouse_id, *use, shipped, arrived, adjusted, status, source, mode, expected, body in _rows(
        connection, _TRANSFERS
    ):
        position = position_key(sku_id, warehouse_id)
        view = views.get(partition_of(position, len(views)))
        if view is not None:
            name = use[0], use[1], body
            view.transit.ship(position, name, shipped, source, mode, expected)
            view.transit.arrive(position, name, arrived, adjusted)
            if status != "open":
                view.transit.end(position, name, status, shipped if status == "undone" else 0)


def _read_remembered(connection: "Connection[Any]", views: dict[int, LedgerView]) -> None:
    """A use of a transfer's id may be remembered again when the transfer ends: of one generation the last counts, as in the gate."""
    earlier: dict[tuple[int, int, str], Memory] = {}
    for partition, seq, ids in _rows(connection, _REMEMBERED, _LARGE_PIECE):
        view = views.get(partition)
        if view is None:
            continue
        view.windows.add(seq)
        for id, at_ms, memory in unpacked(ids):
            generation = at_ms // view.window_ms
            if generation >= view.clock // view.window_ms - 1:  # older ones are forgotten, but not yet deleted
                if memory.opened_at_ms is not None:
                    key = partition, generation, id
                    if key in earlier:
                        enter(view.remembered, generation, id, earlier[key], times=-1)
                    earlier[key] = memory
                enter(view.remembered, generation, id, memory)


def _rows(connection: "Connection[Any]", query: LiteralString, piece: int = _PIECE) -> Iterator[tuple[Any, ...]]:
    """Rows in pieces, by a cursor of the server's."""
    with connection.cursor("audit") as cursor:
        cursor.itersize = piece
        yield from cursor.execute(query)
