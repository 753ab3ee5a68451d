"""The lines of a reservation, as the ledger has them."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from onhand.sql.pool import Pool

_LINES: LiteralString = """
SELECT line, sku_id, warehouse_id, quantity, status::text, ended_as::text, partition, home,
       (extract(epoch FROM expires_at) * 1000)::bigint, order_id, channel
FROM reservations WHERE reservation_id = %s::uuid ORDER BY line
"""

_PLACES: LiteralString = """
SELECT DISTINCT ON (reservation_id) reservation_id::text, sku_id, warehouse_id
FROM reservations WHERE reservation_id = ANY(%s::uuid[]) ORDER BY reservation_id, partition DESC, line
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


async def reserved_at(pool: Pool, reservation_ids: Sequence[str]) -> dict[str, str]:
    """Positions (``SKU:warehouse``) by id of the reservations that the ledger knows: of the home, the highest partition, the first line."""
    rows = await pool.rows(_PLACES, list(reservation_ids))
    return {reservation_id: f"{sku_id}:{warehouse_id}" for reservation_id, sku_id, warehouse_id in rows}
