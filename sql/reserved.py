"""The lines of a reservation, as the ledger has them."""

from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_LINES: LiteralString = """
SELECT line, sku_id, warehouse_id, quantity, status::text, ended_as::text, partition, home,
       (extract(epoch FROM expires_at) * 1000)::bigint, order_id, channel
FROM reservations WHERE reservation_id = %s::uuid ORDER BY line
"""


class ReservedLine(NamedTuple):
    """One line. `ended_as` is None while it is active; `home` the partition that decides how the reservation ends."""

    line: int
    sku_id: str
    warehouse_id: int
    quantity: int
    status: str
    ended_as: str | None
    partition: int
    home: int
    expires_at_ms: int
    order_id: str | None
    channel: str | None

    @property
    def position(self) -> str:
        """``SKU:warehouse``."""
        return f"{self.sku_id}:{self.warehouse_id}"


async def reserved_lines(pool: Pool, reservation_id: str) -> list[ReservedLine]:
    """All lines that are in the ledger, by number; none where it does not know the reservation (yet)."""
    return [ReservedLine(*row) for row in await pool.rows(_LINES, reservation_id)]
