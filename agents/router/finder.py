"""Where reservations are: the look-up at the edge, before a command enters the log."""

from collections.abc import Sequence

from onhand.lua.gate import Gate
from onhand.sql.pool import Pool
from onhand.sql.reserved import reserved_at


class Finder:
    """Asks the gate, which knows what is active or ended within the window, and for the rest the ledger, which knows all that ever was.

    In that order: what the gate has ended and forgotten, the ledger has long had. So a reservation is found from the decision that
    tells it on; only a ledger that is further behind than the window leaves a gap. `Retryable` where either is away: requests wait.
    """

    def __init__(self, gate: Gate, pool: Pool, partitions: int) -> None:
        self._gate = gate
        self._pool = pool
        self._partitions = partitions

    async def __call__(self, reservation_ids: Sequence[str]) -> dict[str, str]:
        """Positions by reservation id; those that nobody knows are left out."""
        found = await self._gate.whereabouts(reservation_ids, self._partitions)
        left = [id for id in reservation_ids if id not in found]
        return found | await reserved_at(self._pool, left) if left else found
