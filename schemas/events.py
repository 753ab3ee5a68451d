"""Events: what became durable, as CloudEvents 1.0 in Kafka's binary mode (the value is the data, the envelope is headers)."""

import json
from datetime import UTC, datetime
from functools import lru_cache

from onhand.schemas.positions import split_position

STOCK_CHANGED = "stock.changed"
RESERVATION_COMMITTED = "reservation.committed"
MOVEMENT_RECORDED = "movement.recorded"
STOCK_LOW = "stock.low"
STOCK_RECOVERED = "stock.recovered"

SOURCE = "urn:onhand:ledger"
TRACE_HEADER = "traceparent"

_KINDS = (STOCK_CHANGED, RESERVATION_COMMITTED, MOVEMENT_RECORDED, STOCK_LOW, STOCK_RECOVERED)
_CONSTANT = {
    kind: [
        ("ce_type", kind.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_source", SOURCE.encode()),
        ("content-type", b"application/json"),
    ]
    for kind in _KINDS
}
_dumps = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=4096)
def rfc3339(time_ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC: ``2026-11-22T14:44:37.123Z``."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=4096)
def _time(time_ms: int) -> bytes:
    return rfc3339(time_ms).encode()


def cloud_headers(
    type: str, id: str, subject: str, time_ms: int, trace: bytes | None = None
) -> list[tuple[str, bytes]]:
    """The envelope of an event about a position; `id` is the same when the event is told again."""
    headers = [("ce_id", id.encode()), ("ce_subject", subject.encode()), ("ce_time", _time(time_ms)), *_CONSTANT[type]]
    if trace:
        headers.append((TRACE_HEADER, trace))
    return headers


def stock_changed(position: str, available: int, reserved: int, version: int, time_ms: int) -> bytes:
    """The newest numbers of a position, in units."""
    sku_id, warehouse_id = split_position(position)
    return (
        f'{{"sku_id":"{sku_id}","warehouse_id":{warehouse_id},"available_qty":{available},"reserved_qty":{reserved},'
        f'"total_qty":{available + reserved},"version":{version},"occurred_at_ms":{time_ms}}}'
    ).encode()


def reservation_committed(
    reservation_id: str, order_id: str | None, line: int, position: str, quantity: int, version: int, time_ms: int
) -> bytes:
    """A reservation's line was sold, and the ledger has it."""
    sku_id, warehouse_id = split_position(position)
    order = f'"order_id":{_dumps(order_id)},' if order_id is not None else ""
    return (
        f'{{"reservation_id":"{reservation_id}",{order}"line":{line},"sku_id":"{sku_id}","warehouse_id":{warehouse_id},'
        f'"quantity":{quantity},"version":{version},"occurred_at_ms":{time_ms}}}'
    ).encode()


def movement_recorded(
    movement_id: str,
    sku_id: str,
    source_warehouse: int | None,
    dest_warehouse: int | None,
    quantity: int,
    movement_type: str,
    reference_id: str | None,
    created_at_ms: int,
) -> bytes:
    """A row of `stock_movements`, as it stands there; `created_at` in RFC 3339, and as epoch milliseconds."""
    row = {
        "movement_id": movement_id,
        "sku_id": sku_id,
        "source_warehouse": source_warehouse,
        "dest_warehouse": dest_warehouse,
        "quantity": quantity,
        "movement_type": movement_type,
        "reference_id": reference_id,
        "created_at": rfc3339(created_at_ms),
        "created_at_ms": created_at_ms,
    }
    return _dumps(row).encode()


def stock_alert(position: str, available: int, reorder_point: int, suggested: int | None, time_ms: int) -> bytes:
    """Stock fell to its reorder point (`suggested` units to order), or recovered (no suggestion)."""
    sku_id, warehouse_id = split_position(position)
    suggestion = f'"suggested_quantity":{suggested},' if suggested is not None else ""
    return (
        f'{{"sku_id":"{sku_id}","warehouse_id":{warehouse_id},"available_qty":{available},'
        f'"reorder_point":{reorder_point},{suggestion}"occurred_at_ms":{time_ms}}}'
    ).encode()
