"""The books: what decisions come to, as the ledger must have it. Rows are not kept but tallied, so memory stays small."""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

from onhand.schemas.positions import position_key

_MASK = (1 << 64) - 1
DAY_MS = 86_400_000

ACTIVE = "active"
ENDS = ("committed", "released", "expired")
"""How a reservation ends, as decisions and the ledger's `ended_as` say it."""
_REFUSED = frozenset(("insufficient_stock", "insufficient_channel_stock"))


class Tally(NamedTuple):
    """Rows of one kind at one position: how many, how many units, and a sum of hashes that tells whether they are the same."""

    rows: int = 0
    units: int = 0
    mark: int = 0

    def __str__(self) -> str:
        return f"{self.rows} rows, {self.units} units, #{self.mark & 0xFFFF:04x}"


Key = tuple[str, str]
"""Position and kind: how a reservation stands (`ACTIVE` or an end), or the type of a movement."""


class Tallies(defaultdict[Key, Tally]):
    """Tallies by key."""

    def __init__(self) -> None:
        super().__init__(Tally)

    def add(self, position: str, kind: str, units: int, *row: Any) -> None:
        """Enters a row; `row` is what else identifies it. Marks compare within one process only."""
        rows, sum_units, mark = self[position, kind]
        self[position, kind] = Tally(rows + 1, sum_units + units, (mark + hash((units, *row))) & _MASK)


class Open(NamedTuple):
    """A reservation that has not ended."""

    position: str
    quantity: int
    order_id: str | None
    channel: str | None
    expires_at_ms: int


class Books:
    """The decisions of a partition, entered one after the other."""

    def __init__(self) -> None:
        self.open: dict[str, Open] = {}
        self.ended = Tallies()
        self.movements = Tallies()
        self.announced = Tallies()
        self.reorders: dict[str, tuple[int, int]] = {}
        self.refused: Counter[tuple[int, str]] = Counter()
        """Units that customers wished and did not get, by day of the clock (since the epoch, UTC) and position."""

    def enter(self, decision: dict[str, Any], trace: bytes | None = None) -> None:
        """A decision, with its traceparent; one that changed nothing changes nothing here either."""
        if decision.get("replayed") or "sku_id" not in decision:
            return
        position = position_key(decision["sku_id"], decision["warehouse_id"])
        outcome = decision["outcome"]
        if outcome == "reserved":
            order = decision.get("order_id"), decision.get("channel")
            self.open[decision["id"]] = Open(position, decision["quantity"], *order, decision["expires_at_ms"])
        elif outcome == "extended":
            name = decision["reservation_id"]
            self.open[name] = self.open[name]._replace(expires_at_ms=decision["expires_at_ms"])
        elif outcome in ENDS:
            self._end(position, outcome, decision, trace or None)
        elif outcome == "applied" and decision["type"] == "set_reorder":
            self.reorders[position] = (decision["reorder_point"], decision["reorder_quantity"])
        elif outcome == "applied":
            self._move(position, decision, trace or None)
        elif outcome in _REFUSED and decision["type"] in ("reserve", "ship"):
            self._refuse(position, decision)

    def _refuse(self, position: str, decision: dict[str, Any]) -> None:
        """Of an order the lines that fell short are counted, each at its position."""
        day = decision["decided_at_ms"] // DAY_MS
        short = decision.get("short")
        if not short:
            self.refused[day, position] += decision["quantity"]
        for line in short or ():
            self.refused[day, position_key(line["sku_id"], line["warehouse_id"])] += line["requested"]

    def _end(self, position: str, outcome: str, decision: dict[str, Any], trace: bytes | None) -> None:
        name = decision["reservation_id"]
        hold = self.open.pop(name)
        self.ended.add(position, outcome, *reservation_row(name, hold))
        if outcome == "committed":
            reference = hold.order_id or name
            self.movements.add(position, "ship", hold.quantity, reference, decision["decided_at_ms"])
            told = (name, hold.order_id, decision["version"], decision["decided_at_ms"], trace)
            self.announced.add(position, "commit", hold.quantity, *told)

    def _move(self, position: str, decision: dict[str, Any], trace: bytes | None) -> None:
        what, reference = (position, decision["type"], decision["quantity"]), decision.get("reference_id")
        self.movements.add(*what, reference, decision["decided_at_ms"])
        self.announced.add(*what, reference, trace)

    def reservations(self) -> Tallies:
        """All reservations as they stand now."""
        tallies = Tallies()
        tallies.update(self.ended)
        for name, hold in self.open.items():
            tallies.add(hold.position, ACTIVE, *reservation_row(name, hold))
        return tallies


def reservation_row(name: str, hold: Open) -> tuple[int, str, str | None, str | None, int]:
    """What a reservation is tallied by, units first."""
    return hold.quantity, name, hold.order_id, hold.channel, hold.expires_at_ms


OUTWARD = frozenset(("ship",))
"""Movements that take units away; the others bring them, an adjust by its sign."""


def stock_of(movements: dict[Key, Tally]) -> dict[str, int]:
    """Units at each position that movements come to."""
    stock: dict[str, int] = defaultdict(int)
    for (position, kind), tally in movements.items():
        stock[position] += -tally.units if kind in OUTWARD else tally.units
    return stock
