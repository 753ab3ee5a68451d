"""The ledger's books: what its fold makes of the decisions, in windows cut anywhere, is what the partition has."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from onhand.agents.ledger.fold import fold
from onhand.agents.ledger.intake import Intake
from onhand.deploy.audit.memories import unpacked
from onhand.deploy.audit.oracle import Decision, Oracle
from onhand.deploy.audit.state import Memory
from onhand.sql.window import Hold, Transfer, Window
from tests.decided import told as taken_in
from tests.simulation.legs.places import Broken

if TYPE_CHECKING:
    from tests.simulation.legs.world import World

Numbers = tuple[int, int, int]
"""Available, reserved, version."""


class Books:
    """The ledger of one partition, written window by window as its SQL does."""

    def __init__(self, transfers: "Transfers") -> None:
        self.positions: dict[str, Numbers] = {}
        self.active: dict[tuple[str, int], Hold] = {}
        self.seen: dict[int, tuple[int, int]] = {}
        self.remembered: dict[int, dict[str, Memory]] = {}
        self._transfers = transfers

    def write(self, window: Window, window_ms: int) -> None:
        """As `ledger_write`: positions, new holds, new expiries, ends, transfers."""
        if window.notes:
            raise Broken(f"the fold notes {window.notes}")
        for change in window.changes:
            if self.positions.get(change.position, (0, 0, 0))[2] != change.expected:
                raise Broken(f"{self.positions.get(change.position)} is not the version before {change}")
            self.positions[change.position] = change.available, change.reserved, change.version
        self.active |= {(hold.reservation_id, hold.line): hold for hold in window.holds if hold.ended is None}
        for id, at_ms in window.extended.items():
            for key in self._lines(id):
                self.active[key] = self.active[key]._replace(expires_at_ms=at_ms)
        for how, ids in window.ended.items():
            self._end(how, Counter(ids))
        for transfer in window.transfers:
            self._transfers.write(transfer)
        self.seen |= window.seen
        for id, at_ms, memory in unpacked(window.remembered) if window.remembered else ():
            self.remembered.setdefault(at_ms // window_ms, {})[id] = memory

    def check(self, oracle: Oracle) -> None:
        """What the partition has is what stands here. Stamps that no decision told yet are not known."""
        stocks = {name: (s.available, s.reserved, s.version) for name, s in oracle.positions.items()}
        _same("positions", stocks, self.positions)
        held = {(id, line.line): (line.position, line.units, hold.expires_at_ms)
                for id, hold in oracle.holds.items() for line in hold.lines}  # fmt: skip
        _same("holds", held, {key: (h.position, h.quantity, h.expires_at_ms) for key, h in self.active.items()})
        _same("stamps", {source: at for source, at in oracle.seen.items() if source not in oracle.unsaid},
              {source: at for source, at in self.seen.items() if source not in oracle.unsaid})  # fmt: skip
        for generation, done in oracle.remembered.items():
            _same("ids", done, self.remembered.get(generation, {}))

    def _end(self, how: str, ids: Counter[str]) -> None:
        for id, count in ids.items():
            lines = self._lines(id)
            if len(lines) != count:
                raise Broken(f"{count} lines of {id} were {how}, {len(lines)} were active")
            for key in lines:
                del self.active[key]

    def _lines(self, id: str) -> list[tuple[str, int]]:
        return [key for key in self.active if key[0] == id]


class Transfers(dict[tuple[str, int], Transfer]):
    """The rows that all partitions write together: in units shipped, arrived, found too many (or, negative, missing)."""

    _RANKS = "open", "ended", "undone"

    def write(self, more: Transfer) -> None:
        """As `ledger_write_transfers`."""
        key = more.transfer_id, more.opened_at_ms
        row = self.setdefault(key, Transfer(*key, more.sku_id, more.source_warehouse, more.dest_warehouse, more.use))
        row.shipped, row.arrived, row.adjusted = (
            row.shipped + more.shipped,
            row.arrived + more.arrived,
            row.adjusted + more.adjusted,
        )
        row.status = max(row.status, more.status, key=self._RANKS.index)

    def check(self, world: "World") -> None:
        """What is on its way is what is awaited. Ids that were used for several things may share a row, and are left out."""
        opens = {
            (id, o.opened_at_ms): o.shipped - o.arrived for oracle in world.oracles for id, o in oracle.opens.items()
        }
        for key in self.keys() | opens:
            if len({asked.use for asked in world.asked[key[0]]}) == 1:
                self._check_row(key, opens.get(key))

    def _check_row(self, key: tuple[str, int], awaited: int | None) -> None:
        row = self[key]
        left = row.shipped - row.arrived + row.adjusted
        wanted = {"open": awaited, "ended": 0, "undone": row.shipped}[row.status]
        if left != wanted or (awaited is not None and row.status != "open"):
            raise Broken(f"the ledger has {row}, and awaited are {awaited}")


def check_books(world: "World", heard: Sequence[list[Decision]]) -> None:
    """Of all partitions, with windows cut by chance."""
    transfers, dice = Transfers(), random.Random(sum(map(len, heard)))
    for partition, oracle in enumerate(world.oracles):
        books, intake = Books(transfers), Intake(0, 0)
        intake.pending = taken_in(heard[partition])
        while window := intake.cut(dice.choice((1, 3, 10)), oracle.window_ms):
            books.write(fold(partition, window), oracle.window_ms)
        books.check(oracle)
    transfers.check(world)


def _same(what: str, wanted: object, found: object) -> None:
    if wanted != found:
        raise Broken(f"{what}: the partition has {wanted}, the ledger {found}")
