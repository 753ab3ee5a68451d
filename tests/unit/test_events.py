"""The words of decisions and events: what is written is read back, and what is of another shape is refused."""

import json

import pytest

from onhand.schemas import Decision, MovementRecorded, ReservationCommitted, StockAlert, StockChanged
from onhand.schemas.events import ChannelStockChanged
from onhand.schemas.words import Word

AT: dict[str, object] = {"sku_id": "A", "warehouse_id": 7}
TIME: dict[str, object] = {"occurred_at_ms": 1_795_348_112_498}
WORDS: list[tuple[type[Word], dict[str, object]]] = [
    (StockChanged, AT | {"available_qty": 1, "reserved_qty": 2, "total_qty": 3, "version": 4} | TIME),
    (ReservationCommitted, {"reservation_id": "r", "order_id": "ö", "line": 0} | AT | {"quantity": 1, "version": 4} | TIME),
    (ReservationCommitted, {"reservation_id": "r", "line": 0} | AT | {"quantity": 1, "version": 4} | TIME),
    (
        MovementRecorded,
        {
            "movement_id": "m", "sku_id": "A", "source_warehouse": None, "dest_warehouse": 7, "quantity": 1,
            "movement_type": "receive", "reference_id": None, "created_at": "2026-11-22T14:44:37.123Z",
            "created_at_ms": 1,
        },
    ),
    (ChannelStockChanged, AT | {"channel": "*", "available_qty": 0, "version": 4, "zero_crossed": True} | TIME),
    (StockAlert, AT | {"available_qty": 1, "reorder_point": 5, "suggested_quantity": 50} | TIME),
    (StockAlert, AT | {"available_qty": 9, "reorder_point": 5} | TIME),
    (Decision, {"seq": 1, "outcome": "invalid", "complete": True, "source_offset": 0, "decided_at_ms": 5, "message": "a\u0000b"}),
    (
        Decision,
        {
            "seq": 2, "outcome": "expired", "complete": True, "source_offset": 0, "decided_at_ms": 5,
            "type": "expire", "id": "r", "reservation_id": "r", **AT, "quantity": 1,
            "available_qty": 0, "reserved_qty": 0, "total_qty": 0, "version": 4, "line": 0, "index": 0, "of": 2,
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body"), WORDS)
def test_a_word_is_written_as_it_was_read(kind: type[Word], body: dict[str, object]) -> None:
    value = json.dumps(body | {"of_a_later": ["version"]}).encode()
    written = kind.from_json(value).to_json()
    assert list(json.loads(written).items()) == list(body.items())
    assert written == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(("kind", "body"), WORDS)
def test_what_is_of_another_shape_is_refused(kind: type[Word], body: dict[str, object]) -> None:
    name = next(name for name, value in body.items() if type(value) is int)
    for wrong in (1.0, "1", True, [1]):
        with pytest.raises(ValueError, match=name):
            kind.from_json(json.dumps(body | {name: wrong}).encode())
    for value in (b"", b"null", b"[]", b"\xff", b"[" * 100_000, json.dumps(body).encode()[:-1]):
        with pytest.raises(ValueError):  # noqa: PT011 whatever it is called
            kind.from_json(value)
