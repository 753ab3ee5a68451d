"""What a durable window tells: the records for `stock`, `ledger`, `alerts`, and the undoings for `commands`. Pure.

The window's own events are stored with it, packed (`pack`), and told by `messages` whether they come from the window or from the
store, so that a second telling is byte for byte the first. The findings of the write are stored by the database itself.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid5

import ormsgpack

from onhand.agents.ports import Message
from onhand.schemas import events, signing
from onhand.schemas.commands import Release
from onhand.schemas.events import MovementRecorded, ReservationCommitted, StockAlert, StockChanged, rfc3339
from onhand.schemas.faults import Corrupt
from onhand.schemas.positions import split_position
from onhand.schemas.signing import Keyring
from onhand.schemas.topics import ALERTS, COMMANDS, LEDGER, STOCK
from onhand.sql.rows import Crossing, Findings, Level, Reuse
from onhand.sql.window import Change, Movement, Sale, Window

_FORMAT = 2
_UNDOINGS = UUID("5f0d4c1e-9a57-5d0c-8a53-6f6e68616e64")
"""Namespace of the ids of undoings."""

ByTopic = dict[str, list[Message]]

Data = StockChanged | ReservationCommitted | MovementRecorded | StockAlert

Row = TypeVar("Row", bound=tuple[Any, ...])


class Announcement(NamedTuple):
    """The events of a window, as they are told."""

    changes: Sequence[Change]
    sales: Sequence[Sale]
    movements: Sequence[Movement]


def of_window(window: Window) -> Announcement:
    """The events of a window that was just written."""
    return Announcement(window.changes, window.sales, window.movements)


def pack(window: Window) -> bytes:
    """The events of a window as they are stored with it: a msgpack list of their rows, flat."""
    rows = [list(chain.from_iterable(part)) for part in of_window(window)]
    return ormsgpack.packb([_FORMAT, *rows])


def unpack(blob: bytes) -> Announcement:
    """The reverse of `pack`; nothing at all for a partition without a window."""
    if not blob:
        return Announcement([], [], [])
    form, changes, sales, movements = ormsgpack.unpackb(blob)
    if form != _FORMAT:
        raise Corrupt(f"events of an unknown format: {form}")
    return Announcement(_rows(Change, changes), _rows(Sale, sales), _rows(Movement, movements))


def _rows(kind: type[Row], flat: list[Any]) -> list[Row]:
    width = len(kind._fields)  # type: ignore[attr-defined]
    return [kind(*flat[at : at + width]) for at in range(0, len(flat), width)]


def messages(told: Announcement) -> ByTopic:
    """What is known before the write."""
    return {
        STOCK: [_stock(c.position, *c[3:]) for c in told.changes],
        LEDGER: [*map(_committed, told.sales), *map(_moved, told.movements)],
    }


def messages_of_findings(findings: Findings, mark: tuple[int, int, int], keyring: Keyring) -> ByTopic:
    """What only the write could tell; `mark` is the partition, and seq and clock after the window."""
    partition, seq, clock_ms = mark
    return {
        ALERTS: [
            message for crossing in findings.crossings for message in _alerts(crossing, f"{partition}/{seq}", clock_ms)
        ],
        COMMANDS: [_undoing(reuse, f"{partition}/{seq}", keyring) for reuse in findings.reuses],
    }


def newest(levels: Iterable[Level]) -> list[Message]:
    """`stock.changed` of positions as they stand."""
    return [_stock(*level, None) for level in levels]


def _stock(position: str, available: int, reserved: int, version: int, at_ms: int, trace: bytes | None) -> Message:
    sku_id, warehouse_id = split_position(position)
    data = StockChanged(
        sku_id=sku_id, warehouse_id=warehouse_id, available_qty=available, reserved_qty=reserved,
        total_qty=available + reserved, version=version, occurred_at_ms=at_ms,
    )  # fmt: skip
    return _event(events.STOCK_CHANGED, f"{position}/{version}", position, data, at_ms, trace)


def _committed(sale: Sale) -> Message:
    raw, id, order_id, line, position, quantity, version, at_ms, trace = sale
    sku_id, warehouse_id = split_position(position)
    data = ReservationCommitted(
        reservation_id=id, order_id=order_id, line=line, sku_id=sku_id, warehouse_id=warehouse_id, quantity=quantity,
        version=version, occurred_at_ms=at_ms,
    )  # fmt: skip
    return _event(events.RESERVATION_COMMITTED, raw.hex(), position, data, at_ms, trace)


def _moved(movement: Movement) -> Message:
    raw, position, type, quantity, reference_id, at_ms, trace, other = movement
    id = str(UUID(bytes=raw))
    sku_id, warehouse_id = split_position(position)
    source, dest = _ends(type, warehouse_id, other)
    data = MovementRecorded(
        movement_id=id, sku_id=sku_id, source_warehouse=source, dest_warehouse=dest, quantity=quantity,
        movement_type=type, reference_id=reference_id, created_at=rfc3339(at_ms), created_at_ms=at_ms,
    )  # fmt: skip
    return _event(events.MOVEMENT_RECORDED, id, position, data, at_ms, trace)


def _ends(type: str, warehouse_id: int, other: int) -> tuple[int | None, int | None]:
    """Source and destination of a movement at a warehouse, as `onhand.sql.window.Movement` tells the other one of a transfer."""
    if other:
        return (warehouse_id, other) if other > 0 else (-other, warehouse_id)
    return (warehouse_id, None) if type == "ship" else (None, warehouse_id)


def _alerts(crossing: Crossing, window: str, at_ms: int) -> list[Message]:
    """What a crossing tells, and the reorder that it triggered, if so; two events have two ids."""
    id = f"{window}/{crossing.position}"
    told = [_alert(crossing, events.STOCK_LOW if crossing.low else events.STOCK_RECOVERED, id, at_ms)]
    if crossing.reorder_id is not None:
        told.append(_alert(crossing, events.REORDER_TRIGGERED, f"{id}/reorder", at_ms))
    return told


def _alert(crossing: Crossing, kind: str, id: str, at_ms: int) -> Message:
    sku_id, warehouse_id = split_position(crossing.position)
    data = StockAlert(
        sku_id=sku_id, warehouse_id=warehouse_id, available_qty=crossing.available, reorder_point=crossing.reorder_point,
        suggested_quantity=crossing.suggested if crossing.low else None, occurred_at_ms=at_ms,
    )  # fmt: skip
    return _event(kind, id, crossing.position, data, at_ms, None)


def _undoing(reuse: Reuse, window: str, keyring: Keyring) -> Message:
    """The `release` of a hold whose id was used before; its own id is the same however often it is appended."""
    sku_id, warehouse_id = split_position(reuse.position)
    id = str(uuid5(_UNDOINGS, f"{window}/{reuse.reservation_id}"))
    release = Release(
        id=id,
        sku_id=sku_id,
        warehouse_id=warehouse_id,
        reservation_id=reuse.reservation_id,
        reason="id_reused",
        actor="onhand",
    )
    value = release.to_json()
    return Message(reuse.position.encode(), value, [(signing.HEADER, keyring.sign(value).encode())])


def _event(kind: str, id: str, position: str, data: Data, at_ms: int, trace: bytes | None) -> Message:
    return Message(position.encode(), data.to_json(), events.cloud_headers(kind, id, position, at_ms, trace))
