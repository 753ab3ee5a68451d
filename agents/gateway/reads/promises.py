"""When the units of a position go out to who orders them now."""

from collections.abc import Iterable
from datetime import date

from onhand.agents.gateway.reads.circuit import Circuit
from onhand.agents.gateway.reads.recent import Recent
from onhand.agents.gateway.reads.ship_date import at_ms, ship_date
from onhand.agents.ports import Clock
from onhand.sql.pool import Pool
from onhand.sql.transfers import Place, next_arrivals
from onhand.sql.warehouses import Warehouse, warehouses

_MOST = 100_000


class Promises:
    """Ship dates, from warehouses and transfers as they were a second ago at most. `Retryable` where the database is away."""

    def __init__(self, pool: Pool, clock: Clock, ask: Circuit) -> None:
        self._pool = pool
        self._ask = ask
        self._clock = clock
        self._warehouses: Recent[int, Warehouse | None] = Recent(clock, self._find_warehouses, _MOST)
        self._arrivals: Recent[Place, int | None] = Recent(clock, self._find_arrivals, _MOST)

    async def dates(self, on_hand: Iterable[Place], sold_out: Iterable[Place]) -> dict[Place, date]:
        """The date for each position that has one: of what is on hand, and of what is sold out and on its way.

        A warehouse that was never put promises nothing.
        """
        on_hand, sold_out = list(on_hand), list(sold_out)
        known = await self._warehouses.of({warehouse_id for _, warehouse_id in (*on_hand, *sold_out)})
        working = {id: warehouse for id, warehouse in known.items() if warehouse is not None}
        now = at_ms(self._clock.now_ms())
        today = {id: ship_date(warehouse, now) for id, warehouse in working.items()}
        dates = {place: today[place[1]] for place in on_hand if place[1] in today}
        arrivals = await self._arrivals.of([place for place in sold_out if place[1] in working])
        for place, arrives_ms in arrivals.items():
            if arrives_ms is not None:
                dates[place] = ship_date(working[place[1]], now, at_ms(arrives_ms))
        return dates

    def changed(self, warehouse_id: int) -> None:
        """Look at that warehouse again."""
        self._warehouses.forget(warehouse_id)

    async def _find_warehouses(self, ids: list[int]) -> dict[int, Warehouse | None]:
        rows = await self._ask.call(lambda: warehouses(self._pool, ids))
        found = {warehouse.warehouse_id: warehouse for warehouse in rows}
        return {id: found.get(id) for id in ids}

    async def _find_arrivals(self, places: list[Place]) -> dict[Place, int | None]:
        found = await self._ask.call(lambda: next_arrivals(self._pool, places))
        return {place: found.get(place) for place in places}
