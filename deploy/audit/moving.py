"""Comparing the gate with the reference model: Redis has no snapshots, so it may have moved while it was read."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.gate_view import GateView, Numbers, Stamps
from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.audit.state import Hold, Memory, Open, Stock


class Moving:
    """The model's state while the gate was being read: what each item was at the beginning, and all that it was since."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._positions = {name: numbers_of(stock) for name, stock in oracle.positions.items()}
        self._holds: dict[str, Hold] = dict(oracle.holds)
        self._opens: dict[str, Open] = dict(oracle.opens)
        self._memories = {name: m for done in oracle.remembered.values() for name, m in done.items()}
        self._since: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)

    def note(self) -> None:
        """The model has decided one more record."""
        for kind, name in self._oracle.touched:
            self._since[kind, name].append(self._now(kind, name))

    def _now(self, kind: str, name: str) -> Any:
        if kind == "position":
            return numbers_of(self._oracle.positions.get(name))
        if kind == "hold":
            return self._oracle.holds.get(name)
        if kind == "open":
            return self._oracle.opens.get(name)
        return self._oracle.recall(name)

    def positions(self) -> Iterator[tuple[str, list[Numbers | None]]]:
        """What each position may be found as."""
        return self._all("position", self._positions)

    def holds(self) -> Iterator[tuple[str, list[Hold | None]]]:
        """What each hold may be found as; None: not at all."""
        return self._all("hold", self._holds)

    def opens(self) -> Iterator[tuple[str, list[Open | None]]]:
        """What each transfer on its way may be found as; None: not at all."""
        return self._all("open", self._opens)

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
    due = ((name, [_due(hold) for hold in allowed]) for name, allowed in moving.holds())
    _compare("gate due", p, due, view.due, findings)
    _compare("gate transfer", p, moving.opens(), view.opens, findings)
    findings.expect("gate mark", p, "seen", stamps_of(oracle.seen), view.after.seen)
    findings.expect("gate mark", p, "unsaid", stamps_of(oracle.unsaid), view.after.unsaid)
    remembered = {name: memory for _, done in sorted(view.remembered.items()) for name, memory in done.items()}
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
        for line in hold.lines:
            held[line.position] += line.units
    for position in held.keys() | view.positions.keys():
        numbers = view.positions.get(position, Numbers())
        findings.expect("gate holds add up", partition, position, held.get(position, 0), numbers.reserved)


def _due(hold: Hold | None) -> int | None:
    """Only the home of an order ends it by time."""
    return hold.expires_at_ms if hold is not None and hold.is_home else None


def stamps_of(seen: Mapping[int, tuple[int, int]]) -> Stamps:
    """As the gate keeps them."""
    return tuple((source, *place) for source, place in sorted(seen.items()))


def numbers_of(stock: Stock | None) -> Numbers | None:
    """None for zeros: a position that was never touched need not be there."""
    return Numbers(stock.available, stock.reserved, stock.total, stock.version) if stock and stock.version else None
