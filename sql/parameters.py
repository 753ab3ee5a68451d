"""A window as the parameters of `ledger_write`, in its order."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple

from psycopg.types.numeric import Int4, Int8

from onhand.schemas.positions import split_position
from onhand.sql import packing
from onhand.sql.packing import NULL, Array, int4_element, int4s, int8s, raw_uuids, texts, times, uuids, word, words
from onhand.sql.window import Change, Hold, Movement, Sale, Window

_DAY_S = 86_400
_CACHED_POSITIONS = 200_000

WRITE: LiteralString = f"SELECT * FROM ledger_write({', '.join(['%s'] * 41)}{', %s::jsonb' * 5})"

Parameters = list[Any]


class _Place(NamedTuple):
    sku: bytes
    warehouse: bytes


class _Places(dict[str, _Place]):
    """Positions as array elements; forgets all when it grows too large."""

    def __missing__(self, position: str) -> _Place:
        if len(self) >= _CACHED_POSITIONS:
            self.clear()
        sku_id, warehouse_id = split_position(position)
        place = self[position] = _Place(packing.element(sku_id), int4_element(warehouse_id))
        return place


_places = _Places()


def parameters(window: Window, forced: bool) -> Parameters:
    """All of the function's parameters."""
    return [
        Int4(window.partition),
        Int8(window.expected_seq),
        Int8(window.seq),
        Int8(window.source_offset),
        Int8(window.decisions_offset),
        Int8(window.clock_ms),
        forced,
        window.events,
        window.remembered or None,
        *_changes(window.changes, {reorder.position for reorder in window.reorders}),
        *_holds(window.holds),
        *(uuids(sorted(window.ended[end])) for end in ("committed", "released", "expired")),
        uuids(list(window.extended)),
        times(list(window.extended.values())),
        *_movements(window.sales, window.movements),
        _rows(_reorders(window)),
        _rows(_refused(window)),
        _rows([note._asdict() for note in window.notes]),
        _rows([asdict(transfer) for transfer in window.transfers]),
        json.dumps(window.seen) if window.seen else None,
    ]


def places(positions: Sequence[str]) -> tuple[Array, Array]:
    """SKUs and warehouses of positions, as two arrays."""
    skus, warehouses = zip(*[_places[position] for position in positions], strict=True) if positions else ((), ())
    return texts(skus), int4s(warehouses)


def _changes(changes: list[Change], judged_by_reorder: set[str]) -> list[Array]:
    names, expected, before, available, reserved, versions, at, _ = _columns(changes, 8)
    taken = [max(0, old - new) for old, new in zip(before, available, strict=True)]
    if judged_by_reorder:
        before = tuple(-1 if name in judged_by_reorder else old for name, old in zip(names, before, strict=True))
    return [
        *places(names),
        *(int8s(column) for column in (expected, taken, before, available, reserved, versions)),
        times(at),
    ]


def _holds(holds: list[Hold]) -> list[Array]:
    ids, lines, names, quantities, orders, channels, expiries, ends, uses = _columns(holds, 9)
    return [
        uuids(ids),
        int4s([int4_element(line) for line in lines] if any(lines) else [_LINE_0] * len(ids)),
        *places(names),
        int8s(quantities),
        words(orders),
        texts([word(channel) for channel in channels]),
        times(expiries),
        texts([word(end) for end in ends]),
        words(uses),
    ]


_LINE_0 = int4_element(0)


def _movements(sales: list[Sale], movements: list[Movement]) -> list[Array]:
    """A sale is a `ship` whose reference is its order or else its reservation."""
    sold, reservations, orders, _, sold_at, sold_units, _, sale_times, _ = _columns(sales, 9)
    ids, names, types, quantities, references, at, _, others = _columns(movements, 8)
    skus, _ = places([*sold_at, *names])
    ends = [_ends(*row) for row in zip(types, names, others, strict=True)]
    return [
        raw_uuids([*sold, *ids]),
        skus,
        int4s([*(_places[name].warehouse for name in sold_at), *(source for source, _ in ends)]),
        int4s([*[NULL] * len(sold), *(dest for _, dest in ends)]),
        int8s([*sold_units, *quantities]),
        texts([word("ship")] * len(sold) + [word(type) for type in types]),
        words([*(order or id for order, id in zip(orders, reservations, strict=True)), *references]),
        times([*sale_times, *at]),
    ]


def _ends(type: str, position: str, other: int) -> tuple[bytes, bytes]:
    """Source and destination of a movement at a position."""
    warehouse = _places[position].warehouse
    if other:
        far = int4_element(abs(other))
        return (warehouse, far) if other > 0 else (far, warehouse)
    return (warehouse, NULL) if type == "ship" else (NULL, warehouse)


def _reorders(window: Window) -> list[dict[str, Any]]:
    rows = []
    for reorder in window.reorders:
        sku_id, warehouse_id = split_position(reorder.position)
        row = {"sku_id": sku_id, "warehouse_id": warehouse_id, "reorder_point": reorder.point, "at_ms": reorder.at_ms}
        row |= {"reorder_quantity": reorder.quantity, "before": reorder.before, "available_qty": reorder.available}
        rows.append(row | {"version": reorder.version})
    return rows


def _refused(window: Window) -> list[dict[str, Any]]:
    rows = []
    for (day, position), units in sorted(window.refused.items()):
        sku_id, warehouse_id = split_position(position)
        date = datetime.fromtimestamp(day * _DAY_S, UTC).date().isoformat()
        rows.append({"day": date, "sku_id": sku_id, "warehouse_id": warehouse_id, "units": units})
    return rows


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> tuple[tuple[Any, ...], ...]:
    return tuple(zip(*rows, strict=True)) if rows else ((),) * width


def _rows(rows: list[dict[str, Any]]) -> str | None:
    """As a parameter of jsonb, null if there are none."""
    return json.dumps(rows) if rows else None
