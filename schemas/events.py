"""Events: what became durable, as CloudEvents 1.0 in Kafka's binary mode (the value is the data, the envelope is headers)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from onhand.schemas.words import TimeMs, Whole, Word

STOCK_CHANGED = "stock.changed"
RESERVATION_COMMITTED = "reservation.committed"
COMMIT_FAILED = "reservation.commit_failed"
MOVEMENT_RECORDED = "movement.recorded"
CHANNEL_STOCK_CHANGED = "channel.stock_changed"
STOCK_LOW = "stock.low"
STOCK_RECOVERED = "stock.recovered"
REORDER_TRIGGERED = "reorder.triggered"
DRIFT_FOUND = "drift.found"

SOURCE = "urn:onhand:ledger"
TRACE_HEADER = "traceparent"
_TRACE_BYTES = 256
"""A traceparent of W3C's version 00 has 55."""

_KINDS = (
    STOCK_CHANGED, RESERVATION_COMMITTED, COMMIT_FAILED, MOVEMENT_RECORDED, CHANNEL_STOCK_CHANGED,
    STOCK_LOW, STOCK_RECOVERED, REORDER_TRIGGERED, DRIFT_FOUND,
)  # fmt: skip
_CONSTANT = {
    kind: [
        ("ce_type", kind.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_source", SOURCE.encode()),
        ("content-type", b"application/json"),
    ]
    for kind in _KINDS
}


def trace_of(headers: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """A record's traceparent. One that is no such thing is left out: what is told must not grow by what a stranger sends."""
    for name, value in headers:
        if name == TRACE_HEADER:
            return value if value is not None and len(value) <= _TRACE_BYTES else None
    return None


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


class StockChanged(Word, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`stock.changed` in `inventory.stock`: the newest numbers of a position. Drop one whose version is not above the last."""

    sku_id: str
    warehouse_id: Whole
    available_qty: Whole
    reserved_qty: Whole
    total_qty: Whole
    version: Whole
    occurred_at_ms: TimeMs


class ReservationCommitted(Word, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`reservation.committed` in `inventory.ledger`: a line of a reservation was sold, and the ledger has it.

    Of `reservation.commit_failed` too, which says with `reason` why the ledger does not have it.
    """

    reservation_id: str
    order_id: str | None = None
    line: Whole
    sku_id: str
    warehouse_id: Whole
    quantity: Whole
    version: Whole
    reason: str | None = None
    occurred_at_ms: TimeMs


class MovementRecorded(Word, frozen=True, kw_only=True, gc=False):
    """`movement.recorded` in `inventory.ledger`: a row of `stock_movements`; `created_at` in RFC 3339 and as epoch milliseconds.

    What the row does not have is null here, as it is there.
    """

    movement_id: str
    sku_id: str
    source_warehouse: Whole | None
    dest_warehouse: Whole | None
    quantity: Whole
    movement_type: str
    reference_id: str | None
    created_at: str
    created_at_ms: TimeMs


class ChannelStockChanged(Word, frozen=True, kw_only=True, gc=False):
    """`channel.stock_changed` in `inventory.channel-sync`; channel `*` is every one without an allocation of its own."""

    sku_id: str
    warehouse_id: Whole
    channel: str
    available_qty: Whole
    version: Whole
    zero_crossed: bool
    occurred_at_ms: TimeMs


class StockAlert(Word, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`stock.low`, `stock.recovered`, `reorder.triggered` and `drift.found` in `inventory.alerts`."""

    sku_id: str
    warehouse_id: Whole
    available_qty: Whole
    reorder_point: Whole | None = None
    suggested_quantity: Whole | None = None
    occurred_at_ms: TimeMs
