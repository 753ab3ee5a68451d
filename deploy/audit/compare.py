"""Comparing a store with the reference model at the moment, or between the moments, that the store shows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from onhand.deploy.audit.books import ACTIVE, Books, Tally, stock_of
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateView, Numbers
from onhand.deploy.audit.ledger_view import LedgerView, Row
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.state import Hold, Memory, Stock


def _numbers(stock: Stock | None) -> Numbers | None:
    """None for zeros: a position that was never touched need not be there."""
    return Numbers(stock.available, stock.reserved, stock.total, stock.version) if stock and stock.version else None


class Moving:
    """The model's state while the gate was being read: what each item was at the beginning, and all that it was since."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._positions = {name: _numbers(stock) for name, stock in oracle.positions.items()}
        self._holds: dict[str, Hold] = dict(oracle.holds)
        self._memories = {name: m for done in oracle.remembered.values() for name, m in done.items()}
        self._oldest = oracle.clock // oracle.window_ms - 1
        self._since: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)

    def note(self) -> None:
        """The model has decided one more record."""
        for kind, name in self._oracle.touched:
            self._since[kind, name].append(self._now(kind, name))

    def _now(self, kind: str, name: str) -> Any:
        if kind == "position":
            return _numbers(self._oracle.positions.get(name))
        if kind == "hold":
            return self._oracle.holds.get(name)
        return next((done[name] for done in self._oracle.remembered.values() if name in done), None)

    def positions(self) -> Iterator[tuple[str, list[Numbers | None]]]:
        """What each position may be found as."""
        return self._all("position", self._positions)

    def holds(self) -> Iterator[tuple[str, list[Hold | None]]]:
        """What each hold may be found as; None: not at all."""
        return self._all("hold", self._holds)

    def memories(self) -> Iterator[tuple[str, list[Memory | None]]]:
        """What each id may be remembered as."""
        now = {name for done in self._oracle.remembered.values() for name in done}
        for name, allowed in self._all("memory", self._memories):
            yield name, allowed if name in now else [*allowed, None]

    def _all(self, kind: str, base: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
        names = set(base) | {name for of, name in self._since if of == kind}
        for name in names:
            yield name, [base.get(name), *self._since.get((kind, name), ())]


def compare_gate(moving: Moving, oracle: Oracle, view: GateView, findings: Findings) -> None:
    """The gate's state against the model's."""
    p = oracle.partition
    findings.expect("gate mark", p, "seq", oracle.seq, view.after.seq)
    findings.expect("gate mark", p, "clock", oracle.clock, view.after.clock)
    found = {name: numbers for name, numbers in view.positions.items() if numbers != Numbers()}
    _compare("gate position", p, moving.positions(), found, findings)
    _compare("gate hold", p, moving.holds(), view.holds, findings)
    due = ((name, [hold and hold.expires_at_ms for hold in allowed]) for name, allowed in moving.holds())
    _compare("gate due", p, due, view.due, findings)
    remembered = {name: memory for done in view.remembered.values() for name, memory in done.items()}
    _compare("gate memory", p, moving.memories(), remembered, findings)
    oldest = view.before.clock // oracle.window_ms - 1
    for generation in view.remembered:
        if generation < oldest:
            findings.differ("gate memory", p, f"generation {generation}", "forgotten", "still there")
    if view.before == view.after:
        _holds_add_up(p, view, findings)


def _compare(
    kind: str, partition: int, wanted: Iterator[tuple[str, list[Any]]], found: Mapping[str, Any], findings: Findings
) -> None:
    known = set()
    for name, allowed in wanted:
        known.add(name)
        findings.compared[kind] += 1
        if found.get(name) not in allowed:
            findings.differ(kind, partition, name, allowed[-1], found.get(name))
    for name in found.keys() - known:
        findings.compared[kind] += 1
        findings.differ(kind, partition, name, None, found[name])


def _holds_add_up(partition: int, view: GateView, findings: Findings) -> None:
    held: dict[str, int] = defaultdict(int)
    for hold in view.holds.values():
        held[hold.position] += hold.quantity
    for position in held.keys() | view.positions.keys():
        numbers = view.positions.get(position, Numbers())
        findings.expect("gate holds add up", partition, position, held.get(position, 0), numbers.reserved)


def compare_ledger(oracle: Oracle, books: Books, view: LedgerView, findings: Findings) -> None:
    """The ledger's rows against the model's decisions up to its watermark."""
    p = oracle.partition
    findings.expect("ledger mark", p, "seq", oracle.seq, view.seq)
    findings.expect("ledger mark", p, "clock_ms", oracle.clock, view.clock)
    for position in oracle.positions.keys() | books.reorders.keys() | view.positions.keys():
        numbers = _numbers(oracle.positions.get(position)) or Numbers()
        wanted = Row(*numbers, *books.reorders.get(position, (0, 0)))
        findings.expect("ledger position", p, position, wanted, view.positions.get(position, Row()))
    _compare_tallies("ledger reservations", p, books.reservations(), view.reservations, findings)
    _compare_tallies("ledger movements", p, books.movements, view.movements, findings)


def _compare_tallies(
    kind: str, partition: int, wanted: Mapping[Any, Tally], found: Mapping[Any, Tally], findings: Findings
) -> None:
    for key in wanted.keys() | found.keys():
        position, of = key
        findings.expect(kind, partition, f"{position} {of}", wanted.get(key, Tally()), found.get(key, Tally()))


def compare_ledger_with_itself(partition: int, view: LedgerView, findings: Findings) -> None:
    """Conservation: what came minus what went is what is there, and what is held is what active reservations hold."""
    stock = stock_of(view.movements)
    for position, row in view.positions.items():
        findings.expect("conservation", partition, f"{position} moved = total", stock.get(position, 0), row.total)
        active = view.reservations.get((position, ACTIVE), Tally()).units
        findings.expect("conservation", partition, f"{position} held = reserved", active, row.reserved)
    for position in stock.keys() - view.positions.keys():
        findings.differ("conservation", partition, position, f"{stock[position]} units moved", None)


def compare_gate_with_ledger(partition: int, gate: GateView, ledger: LedgerView, findings: Findings) -> int:
    """Where the log is not whole: positions at equal versions must be equal. Returns how many could be compared.

    A gate that was where the ledger is, before it was read, has each position at least at the ledger's version.
    """
    compared, ahead = 0, gate.before.seq >= ledger.seq
    for position in gate.positions.keys() | ledger.positions.keys():
        numbers = gate.positions.get(position, Numbers())
        row = Numbers(*ledger.positions.get(position, Row())[:4])
        if row.version == numbers.version or (ahead and numbers.version < row.version):
            compared += 1
            findings.expect("gate = ledger", partition, position, row, numbers)
    return compared
