"""Warehouses: when they work, and how long they need to get a parcel ready."""

from collections.abc import Sequence
from datetime import date, time
from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_PUT: LiteralString = """
INSERT INTO warehouses (warehouse_id, name, time_zone, working_days, holidays, cutoff, handling_days)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (warehouse_id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone,
    working_days = excluded.working_days, holidays = excluded.holidays, cutoff = excluded.cutoff,
    handling_days = excluded.handling_days, updated_at = now()
"""
_FIND: LiteralString = """
SELECT warehouse_id, name, time_zone, working_days, holidays, cutoff, handling_days FROM warehouses
WHERE warehouse_id = ANY (%s)
"""
"""One parameter: ids. One that was never put is just not there."""


class Warehouse(NamedTuple):
    """Where orders are handed to a carrier, and on which days.

    `time_zone` is IANA's name; `working_days` are ISO's (1 Monday .. 7 Sunday); an order that comes until `cutoff` (local time)
    of a working day is begun that day, and goes out `handling_days` working days later.
    """

    warehouse_id: int
    name: str
    time_zone: str
    working_days: frozenset[int]
    holidays: frozenset[date]
    cutoff: time
    handling_days: int


async def put_warehouse(pool: Pool, warehouse: Warehouse) -> None:
    """Make it, or replace what was said of it. Faults as those of `Pool`."""
    days = sorted(warehouse.working_days), sorted(warehouse.holidays)
    await pool.rows(_PUT, *warehouse[:3], *days, *warehouse[5:])


async def warehouses(pool: Pool, ids: Sequence[int]) -> list[Warehouse]:
    """Those of the warehouses that were put."""
    rows = await pool.rows(_FIND, list(ids))
    return [
        Warehouse(id, name, zone, frozenset(days), frozenset(holidays), cutoff, handling)
        for id, name, zone, days, holidays, cutoff, handling in rows
    ]
