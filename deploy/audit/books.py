"""The books: what decisions come to, as the ledger must have it. Rows are not kept but tallied, so memory stays small."""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

from onhand.deploy.audit.transit import Transit
from onhand.schemas.positions import position_key

_MASK = (1 << 64) - 1
DAY_MS = 86_400_000
_DAYS = 7
"""A suggestion covers the units refused in so many days, the present one included."""

ACTIVE = "active"
ENDS = ("committed", "released", "expired")
"""How a reservation ends, as decisions and the ledger's `ended_as` say it."""
_OF_TRANSFERS = frozenset(("transfer", "arrive"))
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

    def add(self, position: str, kind: str, units: int, *row: Any, times: int = 1) -> None:
        """Enters a row; `row` is what else identifies it. Marks compare within one process only. `times` -1 takes it out again."""
        rows, sum_units, mark = self[position, kind]
        more = times * hash((units, *row))
        self[position, kind] = Tally(rows + times, sum_units + times * units, (mark + more) & _MASK)


OrderUse = tuple[int, int, int, tuple[int, ...]]
"""Of an order: the hash of its body, the clock of its first leg, its home, all of its partitions."""


class Open(NamedTuple):
    """A line of a reservation that has not ended; `use` is there of orders."""

    position: str
    quantity: int
    order_id: str | None
    channel: str | None
    expires_at_ms: int
    line: int = 0
    use: OrderUse | None = None


class Books:
    """The decisions of a partition, entered one after the other."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, int], Open] = {}
        """By reservation and line."""
        self.ended = Tallies()
        self.movements = Tallies()
        self.announced = Tallies()
        self.transit = Transit()
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
            order = decision.get("order_id"), decision.get("channel"), decision["expires_at_ms"]
            line, use = decision["line"], order_use(decision.get("use"))
            self.open[decision["id"], line] = Open(position, decision["quantity"], *order, line, use)
        elif outcome == "extended":
            name = decision["reservation_id"], decision["line"]
            self.open[name] = self.open[name]._replace(expires_at_ms=decision["expires_at_ms"])
        elif outcome in ENDS:
            self._end(position, outcome, decision, trace or None)
        elif outcome == "applied" and decision["type"] == "set_reorder":
            self.reorders[position] = (decision["reorder_point"], decision["reorder_quantity"])
        elif outcome == "applied" and decision["type"] in _OF_TRANSFERS:
            self._transfer(position, decision, trace or None)
        elif outcome == "applied":
            self._move(position, decision["type"], decision["quantity"], decision, trace or None)
        elif outcome in _REFUSED and decision["type"] in ("reserve", "ship"):
            self._refuse(position, decision)

    def suggestion(self, position: str, at_ms: int) -> int:
        """What a reorder at that clock suggests: the reorder quantity, and the units refused on that day and the six before."""
        _, quantity = self.reorders.get(position, (0, 0))
        today = at_ms // DAY_MS
        return quantity + sum(self.refused[day, position] for day in range(today - _DAYS + 1, today + 1))

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
        hold = self.open.pop((name, decision["line"]))
        self.ended.add(position, outcome, *reservation_row(name, hold))
        if outcome == "committed":
            reference = hold.order_id or name
            self.movements.add(position, "ship", hold.quantity, reference, decision["decided_at_ms"])
            told = (name, hold.order_id, hold.line, decision["version"], decision["decided_at_ms"], trace)
            self.announced.add(position, "commit", hold.quantity, *told)

    def _transfer(self, position: str, decision: dict[str, Any], trace: bytes | None) -> None:
        """One row with the source leg, one back where it is undone; at the destination only what is found to be missing or too much."""
        self.transit.enter(decision)
        way = decision["source_warehouse"], decision["dest_warehouse"]
        if decision["type"] == "arrive":
            self._move(position, "adjust", decision.get("discrepancy", 0), decision, trace)
        elif decision["line"] == 0:
            self._move(
                position, "transfer", decision["quantity"], decision, trace, *(way if "id" in decision else way[::-1])
            )

    def _move(
        self, position: str, kind: str, units: int, decision: dict[str, Any], trace: bytes | None, *way: int
    ) -> None:
        """A row; a count is an adjust. `way`: from which warehouse to which."""
        if units:
            kind, row = "adjust" if kind == "count" else kind, (*way, decision.get("reference_id"))
            self.movements.add(position, kind, units, *row, decision["decided_at_ms"])
            self.announced.add(position, kind, units, *row, trace)

    def reservations(self) -> Tallies:
        """All reservations as they stand now."""
        tallies = Tallies()
        tallies.update(self.ended)
        for (name, _), hold in self.open.items():
            tallies.add(hold.position, ACTIVE, *reservation_row(name, hold))
        return tallies


def reservation_row(name: str, hold: Open) -> tuple[int, str, str | None, str | None, int, int, OrderUse | None]:
    """What a line of a reservation is tallied by, units first."""
    return hold.quantity, name, hold.order_id, hold.channel, hold.expires_at_ms, hold.line, hold.use


def order_use(told: dict[str, Any] | None) -> OrderUse | None:
    """As a decision tells it, or the ledger's row."""
    return (told["hash"], told["opened_at_ms"], told["home"], tuple(told["legs"])) if told else None


OUTWARD = frozenset(("ship",))
"""Movements that take units away; the others bring them, an adjust by its sign. A transfer is about two positions."""


def stock_of(movements: dict[Key, Tally]) -> dict[str, int]:
    """Units at each position that movements come to, without transfers."""
    stock: dict[str, int] = defaultdict(int)
    for (position, kind), tally in movements.items():
        if kind != "transfer":
            stock[position] += -tally.units if kind in OUTWARD else tally.units
    return stock
