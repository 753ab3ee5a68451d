"""Where the ledger has reservations."""

import uuid

from onhand.sql.pool import Pool
from onhand.sql.reserved import reserved_at
from tests.sql.conftest import Rows

ONE, ORDER, HALF, NONE = (str(uuid.UUID(int=n)) for n in range(1, 5))


async def test_the_first_line_at_the_home(dsn: str, rows: Rows) -> None:
    """Of an order whose home is not written yet, the highest leg that is: that passes on what comes for it."""
    insert = """INSERT INTO reservations (reservation_id, line, sku_id, warehouse_id, quantity, expires_at, status, ended_as,
                                          ended_at, partition, home)
                VALUES (%s, %s, %s, 7, 1, now(), %s, %s, %s, %s, %s)"""
    active, sold = ("active", None, None), ("committed", "committed", "2026-01-01")
    rows(insert, ONE, 0, "A", *sold, 3, 3)
    for line, (sku, partition) in enumerate((("B", 1), ("Z", 6), ("C", 6), ("D", 2))):
        rows(insert, ORDER, line, sku, *active, partition, 6)
    rows(insert, HALF, 1, "E", *active, 2, 6)
    pool = Pool(dsn, connections=1)
    await pool.open()
    assert await reserved_at(pool, [ONE, ORDER, NONE, HALF]) == {ONE: "A:7", ORDER: "Z:7", HALF: "E:7"}
    await pool.close()
